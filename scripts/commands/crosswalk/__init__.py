"""The crosswalk: services, workflows and the routers that meet them in status fields, generated and audited."""
