//! Credentials against local stand-ins of the services that grant them.
