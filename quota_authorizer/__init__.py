"""Lambda: the authorizer of API Gateway: it lets calls through or denies them by the quotas of their key."""
