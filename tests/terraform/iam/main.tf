# Users, groups, roles, managed and inline policies, an instance profile, and who one is.

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com", "ec2.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.me.account_id]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "read" {
  name        = "read-${var.tag}"
  path        = "/hall/"
  description = "Reads recordings"
  policy      = data.aws_iam_policy_document.read.json
  tags        = { hall = "great" }
}

resource "aws_iam_role" "singer" {
  name                 = "singer-${var.tag}"
  path                 = "/hall/"
  description          = "Sings in the evening"
  max_session_duration = 7200
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = aws_iam_policy.read.arn
  tags                 = { hall = "great" }
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.singer.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.singer.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.singer.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_instance_profile" "stage" {
  name = "stage-${var.tag}"
  role = aws_iam_role.singer.name
  tags = { hall = "great" }
}

resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = var.tag
  description      = "Fills the hall"
}

resource "aws_iam_group" "choir" {
  name = "choir-${var.tag}"
}

resource "aws_iam_group_policy" "choir" {
  name   = "read"
  group  = aws_iam_group.choir.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user" "bard" {
  name          = "bard-${var.tag}"
  force_destroy = true
  tags          = { instrument = "lute" }
}

resource "aws_iam_user_group_membership" "bard" {
  user   = aws_iam_user.bard.name
  groups = [aws_iam_group.choir.name]
}

resource "aws_iam_access_key" "bard" {
  user = aws_iam_user.bard.name
}

resource "aws_iam_user_policy_attachment" "bard" {
  user       = aws_iam_user.bard.name
  policy_arn = aws_iam_policy.read.arn
}

data "aws_iam_principal_policy_simulation" "bard" {
  policy_source_arn = aws_iam_user.bard.arn
  action_names      = ["s3:GetObject"]
  depends_on        = [aws_iam_user_policy_attachment.bard]

  lifecycle {
    postcondition {
      condition     = self.all_allowed
      error_message = "The bard may not read."
    }
  }
}
