"""The curation API: list records, add some, and decide which ones go on."""
