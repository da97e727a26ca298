"""The program as Lambda functions: one small file each, named by `handlers`."""
