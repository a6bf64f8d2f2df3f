"""The system's own state: health, the outside services, housekeeping and the audit trail."""
