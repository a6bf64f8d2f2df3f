"""Work outside requests: the commands, the timetable, the worker and its jobs."""
