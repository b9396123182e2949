"""Tasks in worker processes of this machine, or on the workers of a Dask cluster."""
