"""One machine for every import: upload, columns, dry run, a job that survives its worker, and the rows that are bad."""
