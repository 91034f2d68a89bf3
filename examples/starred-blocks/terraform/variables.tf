variable "name" {
  description = "Which deployment; several can stand side by side."
  type        = string
  default     = "starred-blocks"
}

variable "region" {
  description = "The region, or null for that of the environment."
  type        = string
  default     = null
}

variable "s3_use_path_style" {
  description = "Whether buckets are a part of the path: needed where *.localhost does not resolve."
  type        = bool
  default     = false
}

variable "packages" {
  description = "The folder of python.zip and node.zip."
  type        = string
}

variable "runtimes" {
  description = "The Lambda runtimes that the packages are for."
  type        = object({ python = string, node = string })
}

variable "visibility_timeout" {
  description = "How many seconds a recital waits before a failed rendering is tried again."
  type        = number
  default     = 60
}
