"""The command ``screenshots``: pictures of the console's pages for the documentation, in a real browser."""
