"""The same for people whose definitions own the stage: what to write into SAM, CDK, Terraform or OpenAPI."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import NamedTuple


class DefinitionLanguage(StrEnum):
    """In which the stage is defined."""

    SAM = "sam"
    CDK = "cdk"
    TERRAFORM = "terraform"
    OPENAPI = "openapi"


class SnippetValues(NamedTuple):
    """Outputs of the stack that snippets hold."""

    group_arn: str
    rest_format: str
    http_format: str
    authorizer_arn: str
    region: str
    key_header: str


def snippet(language: DefinitionLanguage, values: SnippetValues) -> str:
    """What to write."""
    return {
        DefinitionLanguage.SAM: _sam,
        DefinitionLanguage.CDK: _cdk,
        DefinitionLanguage.TERRAFORM: _terraform,
        DefinitionLanguage.OPENAPI: _openapi,
    }[language](values)


def _uri(values: SnippetValues) -> str:
    partition = values.authorizer_arn.split(":")[1]
    integration = f"arn:{partition}:apigateway:{values.region}:lambda:path/2015-03-31/functions"
    return f"{integration}/{values.authorizer_arn}/invocations"


def _sam(values: SnippetValues) -> str:
    return f"""\
# A REST API
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      AccessLogSetting:
        DestinationArn: {values.group_arn}
        Format: {_yaml(values.rest_format)}
      Auth:  # if its calls have quotas
        DefaultAuthorizer: UsageMeter
        Authorizers:
          UsageMeter:
            FunctionArn: {values.authorizer_arn}
            FunctionPayloadType: REQUEST
            Identity:
              Headers: [{values.key_header}]
              ReauthorizeEvery: 0

# An HTTP API
  HttpApi:
    Type: AWS::Serverless::HttpApi
    Properties:
      AccessLogSettings:
        DestinationArn: {values.group_arn}
        Format: {_yaml(values.http_format)}
"""


def _cdk(values: SnippetValues) -> str:
    return f"""\
# A REST API, in Python
group = logs.LogGroup.from_log_group_arn(self, "UsageMeterLog", {json.dumps(values.group_arn)})
api = apigateway.RestApi(
    self,
    "Api",
    deploy_options=apigateway.StageOptions(
        access_log_destination=apigateway.LogGroupLogDestination(group),
        access_log_format=apigateway.AccessLogFormat.custom(
            {json.dumps(values.rest_format)}
        ),
    ),
    # if its calls have quotas
    default_method_options=apigateway.MethodOptions(
        authorizer=apigateway.RequestAuthorizer(
            self,
            "UsageMeter",
            handler=lambda_.Function.from_function_arn(
                self, "UsageMeterAuthorizer", {json.dumps(values.authorizer_arn)}
            ),
            identity_sources=[apigateway.IdentitySource.header({json.dumps(values.key_header)})],
            results_cache_ttl=Duration.seconds(0),
        )
    ),
)

# An HTTP API
stage = apigatewayv2.CfnStage(
    self,
    "Stage",
    api_id=http_api.api_id,
    stage_name="$default",
    auto_deploy=True,
    access_log_settings=apigatewayv2.CfnStage.AccessLogSettingsProperty(
        destination_arn={json.dumps(values.group_arn)},
        format={json.dumps(values.http_format)},
    ),
)
"""


def _terraform(values: SnippetValues) -> str:
    return f"""\
# A REST API
resource "aws_api_gateway_stage" "this" {{
  # ...
  access_log_settings {{
    destination_arn = {json.dumps(values.group_arn)}
    format          = {json.dumps(values.rest_format)}
  }}
}}

# if its calls have quotas
resource "aws_api_gateway_authorizer" "usage_meter" {{
  name                             = "usage-meter"
  rest_api_id                      = aws_api_gateway_rest_api.this.id
  type                             = "REQUEST"
  authorizer_uri                   = {json.dumps(_uri(values))}
  authorizer_result_ttl_in_seconds = 0
  identity_source                  = "method.request.header.{values.key_header}"
}}

# An HTTP API
resource "aws_apigatewayv2_stage" "this" {{
  # ...
  access_log_settings {{
    destination_arn = {json.dumps(values.group_arn)}
    format          = {json.dumps(values.http_format)}
  }}
}}
"""


def _openapi(values: SnippetValues) -> str:
    scheme = {
        "type": "apiKey",
        "name": values.key_header,
        "in": "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            "type": "request",
            "identitySource": f"method.request.header.{values.key_header}",
            "authorizerUri": _uri(values),
            "authorizerResultTtlInSeconds": 0,
        },
    }
    document = {
        "components": {"securitySchemes": {"UsageMeter": scheme}},
        "security": [{"UsageMeter": []}],
    }
    return (
        "# An OpenAPI definition holds no setting of a stage: set what it logs by `usage-meter connect`, or\n"
        "# where the stage is defined. What it holds is the authorizer, if its calls have quotas; an import\n"
        "# takes away what it does not name.\n" + json.dumps(document, indent=2) + "\n"
    )


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
