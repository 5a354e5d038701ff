"""The curation API: people and programs look at records, add some, and decide what goes on."""
