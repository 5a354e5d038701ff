"""The crosswalk: which services, workflows and routers share status fields, generated from the code and audited."""
