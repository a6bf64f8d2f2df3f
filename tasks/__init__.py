"""Work without a request: the commands, the timetable, the worker and its jobs."""
