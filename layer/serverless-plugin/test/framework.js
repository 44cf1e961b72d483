// Plain objects shaped like the framework's, as far as the plugin asks for them.
"use strict";

const word = (name) => {
  const spelt = name.replace(/-/g, "Dash").replace(/_/g, "Underscore");
  return spelt[0].toUpperCase() + spelt.slice(1);
};

const naming = {
  getNormalizedFunctionName: word,
  getLambdaLogicalId: (name) => `${word(name)}LambdaFunction`,
  getLambdaFunctionUrlLogicalId: (name) => `${word(name)}LambdaFunctionUrl`,
  getHttpApiLogicalId: () => "HttpApi",
  getRestApiLogicalId: () => "ApiGatewayRestApi",
};

const arnOf = (name) => ({ "Fn::GetAtt": [naming.getLambdaLogicalId(name), "Arn"] });

function withFunctions(...functions) {
  return Object.fromEntries(
    functions.map((name) => [
      naming.getLambdaLogicalId(name),
      { Type: "AWS::Lambda::Function", Properties: { FunctionName: `users-dev-${name}` } },
    ]),
  );
}

function permission(name, api) {
  const SourceArn = { "Fn::Join": ["", ["arn:", { Ref: "AWS::Partition" }, ":execute-api:…:", api, "/*"]] };
  return { Type: "AWS::Lambda::Permission", Properties: { FunctionName: arnOf(name), SourceArn } };
}

function withHttpApi(name, api = { Ref: "HttpApi" }) {
  const own = {
    HttpApi: { Type: "AWS::ApiGatewayV2::Api", Properties: {} },
    HttpApiStage: { Type: "AWS::ApiGatewayV2::Stage", Properties: { ApiId: api, StageName: "$default" } },
  };
  return {
    ...(api.Ref === "HttpApi" ? own : {}),
    HttpApiRouteGet: { Type: "AWS::ApiGatewayV2::Route", Properties: { ApiId: api } },
    [`${word(name)}LambdaPermissionHttpApi`]: permission(name, api),
  };
}

function withRestApi(name, api = { Ref: "ApiGatewayRestApi" }) {
  const own = { ApiGatewayRestApi: { Type: "AWS::ApiGateway::RestApi", Properties: {} } };
  return {
    ...(api.Ref === "ApiGatewayRestApi" ? own : {}),
    ApiGatewayDeployment1700000000000: {
      Type: "AWS::ApiGateway::Deployment",
      Properties: { RestApiId: api, StageName: "dev" },
    },
    [`${word(name)}LambdaPermissionApiGateway`]: permission(name, api),
  };
}

function withUrl(name, { auth = "NONE" } = {}) {
  const leave = { FunctionName: arnOf(name), FunctionUrlAuthType: "NONE" };
  const open = { Type: "AWS::Lambda::Permission", Properties: leave };
  return {
    [naming.getLambdaFunctionUrlLogicalId(name)]: {
      Type: "AWS::Lambda::Url",
      Properties: { AuthType: auth, TargetFunctionArn: arnOf(name) },
    },
    ...(auth === "NONE" ? { [`${word(name)}LambdaPermissionFnUrl`]: open } : {}),
  };
}

function withAlias(name, alias) {
  return {
    [`${word(name)}${word(alias)}Alias`]: {
      Type: "AWS::Lambda::Alias",
      Properties: { FunctionName: { Ref: naming.getLambdaLogicalId(name) }, Name: alias },
    },
  };
}

module.exports = { arnOf, naming, withAlias, withFunctions, withHttpApi, withRestApi, withUrl };
