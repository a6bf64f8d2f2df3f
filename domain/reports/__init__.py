"""Reports: figures, each of which can be traced to the rows it counts."""
