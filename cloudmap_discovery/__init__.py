"""Service discovery for AWS serverless teams: `await discover("users", stage="Production")`."""
