"""The border: DynamoDB, Athena, S3, the environment, telemetry. What comes from outside is checked here."""
