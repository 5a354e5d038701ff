"""checkov's policies over the templates, compared with a baseline that says why each finding stands."""
