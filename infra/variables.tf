variable "environment" {
  description = "Stands before every name, so that several can live in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,15}$", var.environment))
    error_message = "Give 2 to 16 small letters and digits, a letter first, such as prod: databases carry it too."
  }
}

variable "region" {
  description = "Where everything lies. São Paulo unless said otherwise: it is near Brazil's phones."
  type        = string
  default     = "sa-east-1"
}

variable "packages" {
  description = "The folder with watch.zip, batch.zip, people.zip, serving.zip and rebuild.gluewheels.zip, as tools/lambda_zip.py makes them."
  type        = string
  default     = "../build/lambda"
}

variable "settings" {
  description = "The settings file (TOML) that the functions read: places, rules, sources, channels."
  type        = string
}

variable "renew" {
  description = "Any text: changed, it replaces running copies of functions, which then read their secrets again."
  type        = string
  default     = ""
}

variable "sources" {
  description = "Sources that are expected to answer: each has an alarm, and a folder in Athena."
  type        = list(string)
  default     = ["open-meteo"]
}

variable "pushed_sources" {
  description = "Names of sources that are pushed or imported: folders in Athena, without an alarm."
  type        = list(string)
  default     = []
}

variable "tomorrow_secret" {
  description = "Name of the secret with Tomorrow.io's key, after the environment's; made without a value."
  type        = string
  default     = "tomorrow-io"
}

variable "channel_secrets" {
  description = <<-EOT
    Secrets of the channels in use, after the environment's name, such as ["telegram", "whatsapp"]. They
    are made without values; each value is a JSON object of variables (docs/aws.md).
  EOT
  type        = list(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.channel_secrets, ["telegram", "whatsapp"])) == 0
    error_message = "Channels with secrets are telegram and whatsapp."
  }
}

variable "listen_image" {
  description = <<-EOT
    The image of the task that listens to WIS2 and to brokers, by its digest, in a repository of ECR
    (docs/aws.md); empty: nobody listens, and nothing of it is made.
  EOT
  type        = string
  default     = ""

  validation {
    condition     = var.listen_image == "" || can(regex("^\\d{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.listen_image))
    error_message = "Give ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:DIGEST, as pushing it printed."
  }
}

variable "listen_ports" {
  description = "TCP ports of your own brokers, besides 443 and 8883."
  type        = list(number)
  default     = []
}

variable "edge" {
  description = <<-EOT
    CloudFront in front of the API (docs/aws.md): whether it is there; the number of the word by which the
    API knows it, counted up to change that; a domain of yours, with its certificate of ACM in us-east-1.
  EOT
  type = object({
    is_on       = optional(bool, false)
    word        = optional(number, 1)
    domain      = optional(string, "")
    certificate = optional(string, "")
  })
  default = {}

  validation {
    condition     = (var.edge.domain == "") == (var.edge.certificate == "")
    error_message = "Give a domain and its certificate, or neither: docs/aws.md."
  }

  validation {
    condition     = var.edge.word >= 1 && floor(var.edge.word) == var.edge.word
    error_message = "Words are counted from 1 on."
  }
}

variable "poll_every" {
  description = "How often to ask what is due (which place is, and what it may cost, the poller knows)."
  type        = string
  default     = "1 minute"
}

variable "reserved_concurrency" {
  description = <<-EOT
    Copies of a function that may run at once; those not named share what the account has. poll has
    one because a provider's quota is counted in one place, refine because it replaces whole files,
    fan-out because there is one alert log; api may not take from detect what the account has, whoever
    calls it. A new account allows 10 in all and no reservation: give {} until AWS has raised it.
  EOT
  type        = map(number)
  default     = { poll = 1, refine = 1, fan-out = 1, api = 100 }
}

variable "rebuild_workers" {
  description = "Workers of the job on Spark (16 GB and 4 cores each), paid for while it runs."
  type        = number
  default     = 2
}

variable "climate_every" {
  description = "When the climate is learnt again: Sundays at 04:20 UTC. Where no rule goes by it, the run ends at once."
  type        = string
  default     = "cron(20 4 ? * SUN *)"
}

variable "deliver_at_once" {
  description = "Copies of deliver that each queue may start. A channel's own limits hold besides."
  type        = number
  default     = 2
}

variable "email_domain" {
  description = "The domain that e-mail comes from, verified in SES by three DNS records; empty: no e-mail."
  type        = string
  default     = ""
}

variable "alarm_email" {
  description = "Who is told of alarms and of spending. AWS asks there for a confirmation."
  type        = string
}

variable "heartbeat_url" {
  description = "An outside dead-man's switch, called at every file of RAW; empty: none."
  type        = string
  default     = ""
  sensitive   = true
}

variable "monthly_budget_usd" {
  description = "What a month may cost; told at 80 % spent and at 100 % foreseen. docs/growth.md says what it does cost."
  type        = number
  default     = 120
}

variable "sms_monthly_usd" {
  description = "The account's limit for SMS, for the alarm at 80 %. A new account has 1 US$."
  type        = number
  default     = 1
}

variable "analysts" {
  description = "ARNs of roles or users that may ask GOLD in Athena."
  type        = list(string)
  default     = []
}

variable "outreach_analysts" {
  description = "ARNs that may besides ask the masked view of deliveries: a grant of its own."
  type        = list(string)
  default     = []
}

variable "protect" {
  description = "Whether tables and buckets refuse to be removed while they hold something."
  type        = bool
  default     = true
}

variable "stream" {
  description = <<-EOT
    What carries the readings: kinesis, or table, a table of DynamoDB, which costs next to nothing in calm
    and is for one lane. Choose before the first deployment: what is in the other is not taken along.
  EOT
  type        = string
  default     = "kinesis"

  validation {
    condition     = contains(["kinesis", "table"], var.stream)
    error_message = "Give kinesis or table."
  }

  validation {
    condition     = var.stream == "kinesis" || var.lanes == 1
    error_message = "A stream in a table is for one lane."
  }
}

variable "figures" {
  description = "Figures that go to CloudWatch, which takes 0.30 US$ a month for each: all, or those that alarms look at: alarms. The dashboard shows what there is."
  type        = string
  default     = "all"

  validation {
    condition     = contains(["all", "alarms"], var.figures)
    error_message = "Give all or alarms."
  }
}

variable "lanes" {
  description = "Into how many lanes places are divided: each is watched by one copy of detect at a time."
  type        = number
  default     = 1
}
