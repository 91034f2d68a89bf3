//! Service-linked roles: their names and their trust.

use crate::errors::IamError;

/// Services that have a role of their own: principal, name behind `AWSServiceRoleFor`, whether a suffix
/// may follow. "AWS services that work with IAM" and the pages of the services.
const SERVICES: [(&str, &str, bool); 19] = [
    ("apigateway.amazonaws.com", "APIGateway", false),
    ("autoscaling.amazonaws.com", "AutoScaling", true),
    ("batch.amazonaws.com", "Batch", false),
    ("contributorinsights.dynamodb.amazonaws.com", "CloudWatchContributorInsights", false),
    ("dynamodb.application-autoscaling.amazonaws.com", "ApplicationAutoScaling_DynamoDBTable", false),
    ("ec2.application-autoscaling.amazonaws.com", "ApplicationAutoScaling_EC2SpotFleetRequest", false),
    ("ecs.amazonaws.com", "ECS", false),
    ("ecs.application-autoscaling.amazonaws.com", "ApplicationAutoScaling_ECSService", false),
    ("elasticache.amazonaws.com", "ElastiCache", false),
    ("elasticloadbalancing.amazonaws.com", "ElasticLoadBalancing", false),
    ("es.amazonaws.com", "AmazonElasticsearchService", false),
    ("events.amazonaws.com", "CloudWatchEvents", false),
    ("lambda.application-autoscaling.amazonaws.com", "ApplicationAutoScaling_LambdaConcurrency", false),
    ("opensearchservice.amazonaws.com", "AmazonOpenSearchService", false),
    ("organizations.amazonaws.com", "Organizations", false),
    ("rds.amazonaws.com", "RDS", false),
    ("replicator.lambda.amazonaws.com", "LambdaReplicator", false),
    ("replication.dynamodb.amazonaws.com", "DynamoDBReplication", false),
    ("spot.amazonaws.com", "EC2Spot", false),
];

/// The folder of a service's role.
pub fn path(service: &str) -> String {
    format!("/aws-service-role/{service}/")
}

/// The name of a service's role.
///
/// # Errors
/// `NotSupportedService` for services without one, `InvalidInput` for a suffix where none may be.
pub fn role_name(service: &str, suffix: Option<&str>) -> Result<String, IamError> {
    let known = SERVICES.iter().find(|(principal, ..)| *principal == service);
    let (_, name, takes_suffix) = known.ok_or_else(|| IamError::UnknownService(service.to_owned()))?;
    match suffix {
        None => Ok(format!("AWSServiceRoleFor{name}")),
        Some(suffix) if *takes_suffix => Ok(format!("AWSServiceRoleFor{name}_{suffix}")),
        Some(_) => Err(IamError::InvalidInput(format!("Custom suffix is not allowed for {service}"))),
    }
}

/// The trust policy of a service's role.
pub fn trust(service: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",
"Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name = role_name("autoscaling.amazonaws.com", Some("hall"));
        assert_eq!(name.as_deref(), Ok("AWSServiceRoleForAutoScaling_hall"));
        assert_eq!(role_name("ecs.amazonaws.com", None).as_deref(), Ok("AWSServiceRoleForECS"));
        assert!(matches!(role_name("ecs.amazonaws.com", Some("x")), Err(IamError::InvalidInput(_))));
        assert!(matches!(role_name("no.amazonaws.com", None), Err(IamError::UnknownService(_))));
        for (service, ..) in SERVICES {
            assert!(policy::trust_policy(&trust(service)).is_ok());
        }
    }
}
