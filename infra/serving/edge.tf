# The edge: CloudFront in front of the API, where somebody wants it (variable edge). It keeps what the
# API says that everybody may keep, the page's files and the feeds, and passes on all else. There is no
# copy of the files in S3: they are versioned by their names, and would be deployed twice.

locals {
  edges = var.edge.is_on ? 1 : 0

  # Two words: the one that it says, and the one that it said before, which it may still say while
  # CloudFront is being changed, and copies of the API are.
  edge_words = [
    for number in [var.edge.word, var.edge.word - 1] : sha256("${one(terraform_data.edge_seed[*].output)}/${number}")
  ]

  # AWS's own policies, by the numbers that they have in every account.
  keep_nothing = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" # CachingDisabled
  all_but_host = "b689b0a8-53d0-40ab-baf2-68738e2966ac" # AllViewerExceptHostHeader: API Gateway wants its own
  all_methods  = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
  kept_paths   = ["/static/*", "/feeds/*"]
}

# Made once, at the first deployment with an edge. It stands in Terraform's state, as the distribution
# has to be told the word: who reads that may say of themselves that they are somebody else, where it
# is counted how often one asks; and nothing more.
data "aws_secretsmanager_random_password" "edge" {
  count = local.edges

  password_length     = 64
  exclude_punctuation = true
}

resource "terraform_data" "edge_seed" {
  count = local.edges
  input = data.aws_secretsmanager_random_password.edge[0].random_password

  lifecycle {
    ignore_changes = [input]
  }
}

resource "aws_secretsmanager_secret" "edge" {
  #checkov:skip=CKV2_AWS_57:Terraform changes it together with what says it (variable edge, word)
  count = local.edges

  name                    = "${var.common.environment}-edge"
  description             = "The words by which the API knows the edge"
  kms_key_id              = var.common.data_key
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "edge" {
  count = local.edges

  secret_id     = aws_secretsmanager_secret.edge[0].id
  secret_string = jsonencode({ words = join(" ", local.edge_words) })
}

# Who asks. A policy that passes on all headers but Host adds none of CloudFront's own.
resource "aws_cloudfront_function" "viewer" {
  count = local.edges

  name    = "${var.common.environment}-viewer"
  comment = "Tells the API the address of who asks"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = <<-EOT
    function handler(event) {
      var request = event.request;
      request.headers['x-atalaia-viewer'] = { value: event.viewer.ip };
      return request;
    }
  EOT
}

# What everybody may keep: as long as the answer says, and of one that says nothing nothing. No header
# of a person reaches the API by these paths, so no answer can be theirs.
resource "aws_cloudfront_cache_policy" "kept" {
  count = local.edges

  name        = "${var.common.environment}-kept"
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_gzip = true

    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

resource "aws_cloudfront_origin_request_policy" "kept" {
  count = local.edges

  name = "${var.common.environment}-kept"

  cookies_config {
    cookie_behavior = "none"
  }
  headers_config {
    header_behavior = "whitelist"
    headers {
      items = ["x-atalaia-viewer"]
    }
  }
  query_strings_config {
    query_string_behavior = "none" # they are in the key already
  }
}

resource "aws_cloudfront_distribution" "edge" {
  #checkov:skip=CKV_AWS_68:the API bounds what an address may ask for, and its gateway what all may; a firewall costs more than all else here
  #checkov:skip=CKV2_AWS_47:nothing here is Java
  #checkov:skip=CKV_AWS_86:a log of who asked has addresses, and nobody's is kept
  #checkov:skip=CKV_AWS_174:CloudFront's own name cannot be held to TLS 1.2; a name of yours (edge, certificate) is
  #checkov:skip=CKV2_AWS_42:the same
  #checkov:skip=CKV_AWS_310:there is one API
  #checkov:skip=CKV_AWS_374:alerts are for whoever asks, wherever they are
  #checkov:skip=CKV2_AWS_32:the API sets the headers of its answers, page by page
  #checkov:skip=CKV_AWS_305:the API answers at /
  count = local.edges

  comment         = var.common.environment
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = "PriceClass_All" # the others have no place in South America
  aliases         = var.edge.domain == "" ? [] : [var.edge.domain]

  origin {
    origin_id   = "api"
    domain_name = trimprefix(aws_apigatewayv2_api.this.api_endpoint, "https://")

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
      origin_read_timeout    = 30 # the gateway's own
    }

    custom_header {
      name  = "x-atalaia-edge"
      value = local.edge_words[0]
    }
  }

  default_cache_behavior {
    target_origin_id         = "api"
    allowed_methods          = local.all_methods
    cached_methods           = ["GET", "HEAD"]
    viewer_protocol_policy   = "redirect-to-https"
    cache_policy_id          = local.keep_nothing
    origin_request_policy_id = local.all_but_host

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.viewer[0].arn
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.kept_paths
    content {
      path_pattern             = ordered_cache_behavior.value
      target_origin_id         = "api"
      allowed_methods          = ["GET", "HEAD"]
      cached_methods           = ["GET", "HEAD"]
      viewer_protocol_policy   = "redirect-to-https"
      compress                 = true
      cache_policy_id          = one(aws_cloudfront_cache_policy.kept[*].id)
      origin_request_policy_id = one(aws_cloudfront_origin_request_policy.kept[*].id)

      function_association {
        event_type   = "viewer-request"
        function_arn = aws_cloudfront_function.viewer[0].arn
      }
    }
  }

  # Else it would keep a refusal for ten seconds, whatever that says of itself.
  dynamic "custom_error_response" {
    for_each = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]
    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.edge.domain == ""
    acm_certificate_arn            = var.edge.domain == "" ? null : var.edge.certificate
    ssl_support_method             = var.edge.domain == "" ? null : "sni-only"
    minimum_protocol_version       = var.edge.domain == "" ? "TLSv1" : "TLSv1.2_2021"
  }

  depends_on = [module.api] # which knows a new word before it is said
}
