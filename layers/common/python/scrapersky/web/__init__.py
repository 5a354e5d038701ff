"""Everything that touches the web, all of it hostile: knows neither the status machine nor the models."""
