"""One router per resource, and one for operators. They queue records and invoke services; they run no job."""
