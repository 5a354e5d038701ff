"""Lists of records: filters, declared once for each table, and exports of what matches them."""
