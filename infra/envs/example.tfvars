# Copy to ENV.tfvars (git leaves that alone) and change what is yours; variables.tf explains each.
region      = "sa-east-1"
settings    = "envs/prod.toml" # from infra/; atalaia.example.toml is where to begin
alarm_email = "ops@example.org"

sources = ["open-meteo"] # and "tomorrow-io" once its key is in the secret

# stream               = "table"  # without Kinesis: up to some hundred places, one lane
# figures              = "alarms" # in CloudWatch those alone that alarms look at
# channel_secrets      = ["telegram", "whatsapp"]
# email_domain         = "example.org"
# listen_image         = "123456789012.dkr.ecr.sa-east-1.amazonaws.com/atalaia@sha256:…" # hears WIS2
# edge                 = { is_on = true } # CloudFront in front of the API
# renew                = "2026-11-23" # after a new secret
# heartbeat_url        = "https://example.org/your-dead-mans-switch"
# monthly_budget_usd   = 120
# sms_monthly_usd      = 1
# reserved_concurrency = {} # in an account that allows 10 copies of functions in all
