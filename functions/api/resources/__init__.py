"""One file per resource: its view, filters, rows to add, declaration and routes. They queue records and run no job."""
