"""Calling what was found: over HTTP or as a Lambda function, signed where the record says so."""
