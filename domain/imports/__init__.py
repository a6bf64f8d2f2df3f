"""The framework of all imports: upload, columns, dry run, a job that survives its worker, and bad rows."""
