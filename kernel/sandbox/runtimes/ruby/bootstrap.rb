# Runs one Ruby function: takes its invocations from the Runtime API and answers them.
#
# Speaks HTTP/1.1 by hand over one kept-alive connection: a result and the request for the next invocation leave in
# one write. Each line on stdout is one log event; line breaks inside an event are carriage returns. What functions
# may name themselves (`LambdaHandler`, `LambdaContext`, `AwsLambda::Marshaller`) has AWS's names.

require "json"
require "socket"
require "stringio"
begin
  # A gem of its own in later versions.
  require "logger"
rescue LoadError
  nil
end

module ElysiumRuntime
  VERSION = "/2018-06-01/runtime"
  INVOCATION = "#{VERSION}/invocation/"
  MAX_HEAD_BYTES = 65_536
  MAX_TRACE = 100
  # Ends of the process after which the next invocation begins anew.
  ENDED_BY_ERROR = 255
  ENDED_AT_INIT = 252
  # Other kinds of errors are the function's own affair, and are not told in the header.
  TOLD_KINDS = %w[
    ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit SystemStackError
  ].freeze

  class << self
    attr_accessor :request_id
  end

  # Writes one event of the log.
  def self.log(text)
    text = text.dup.force_encoding(Encoding::UTF_8) unless text.encoding == Encoding::UTF_8
    STDOUT.write("#{text.scrub.chomp.tr("\n", "\r")}\n")
  end

  # One invocation, as the response of an HTTP client.
  class Invocation
    attr_reader :body

    def initialize(headers, body)
      @headers = headers
      @body = body
    end

    def [](name)
      @headers[name.downcase]
    end
  end

  # One connection; answers come in the order of the requests.
  class RuntimeApi
    def initialize(address)
      host, _, port = address.rpartition(":")
      @host = address
      @socket = TCPSocket.new(host, Integer(port))
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      @socket.binmode
      @next = "GET #{INVOCATION}next HTTP/1.1\r\nHost: #{address}\r\n\r\n".b
      @unread = 0
    end

    def ask_next
      @socket.write(@next)
    end

    # Posts what came of an invocation and asks for the next one, if there is to be one.
    def answer(path, body, type, kind: nil, last: false)
      @socket.write(post(path, body, type, kind) + (last ? "".b : @next))
      @unread += 1
      checked if last
    end

    def fail_initialisation(body, kind)
      @socket.write(post("#{VERSION}/init/error", body, "application/json", kind))
      receive
    end

    # The invocation that was asked for; nothing when there are no more.
    def next
      checked while @unread.positive?
      status, headers, body = receive
      Invocation.new(headers, body.force_encoding(Encoding::UTF_8)) if status == 200
    end

    private

    def checked
      @unread -= 1
      status, _, body = receive
      return if status < 300 || status == 413

      warn "the runtime refused an answer: #{status} #{body[0, 500]}"
    end

    def post(path, body, type, kind)
      kind = kind ? "Lambda-Runtime-Function-Error-Type: #{kind}\r\n" : ""
      head = "POST #{path} HTTP/1.1\r\nHost: #{@host}\r\nContent-Type: #{type}\r\n" \
             "#{kind}Content-Length: #{body.bytesize}\r\n\r\n"
      head.gsub(/[^\r\n\x20-\x7e]/, "?").b + body.b
    end

    def receive
      status = Integer(line[9, 3])
      headers = {}
      until (header = line).empty?
        name, _, value = header.partition(":")
        headers[name.downcase] = value.strip.force_encoding(Encoding::UTF_8)
      end
      chunked = headers["transfer-encoding"].to_s.include?("chunked")
      [status, headers, chunked ? chunks : exactly(headers["content-length"].to_i)]
    end

    def line
      line = @socket.gets("\r\n", MAX_HEAD_BYTES) || raise(EOFError, "the runtime closed the connection")
      line.end_with?("\r\n") ? line.chomp("\r\n") : raise(EOFError, "the runtime sent a head without an end")
    end

    def chunks
      body = "".b
      while (length = line.hex).positive?
        body << exactly(length)
        exactly(2)
      end
      line until line.empty?
      body
    end

    def exactly(length)
      return "".b if length.zero?

      body = @socket.read(length)
      body && body.bytesize == length ? body : raise(EOFError, "the runtime closed the connection")
    end
  end

  # The documents that tell of errors.
  module Errors
    def self.document(error, phase)
      # Nothing of what is ours.
      frames = (error.backtrace_locations || []).take(MAX_TRACE).take_while { |frame| frame.path != __FILE__ }
      { errorMessage: error.message, errorType: "#{phase}<#{error.class}>", stackTrace: frames.map(&:to_s) }
    end

    # The kind of an error, as it stands in the header.
    def self.kind(error, phase)
      TOLD_KINDS.include?(error.class.to_s) ? "#{phase}<#{error.class}>" : "Function<UserException>"
    end

    def self.encoded(document)
      JSON.generate(document)
    rescue StandardError
      # A message of bytes that are no text.
      JSON.generate(document.transform_values { |value| value.is_a?(String) ? value.b.inspect : value })
    end

    def self.log(document, label)
      ElysiumRuntime.log("#{label}\n")
      ElysiumRuntime.log(JSON.pretty_generate(document))
    rescue StandardError
      ElysiumRuntime.log(document.inspect)
    end
  end

  # Loggers that write to the standard streams write one event each time, with the invocation's id.
  module Loggers
    LINE = "%<first>s, [%<time>s #%<process>d] %<severity>5s %<request>s -- %<program>s: %<message>s"

    # Takes what a logger writes.
    class Device
      def write(text)
        ElysiumRuntime.log(text)
      end

      def close; end
      def reopen(*) = self
    end

    # What a line tells.
    class Formatter < ((defined?(::Logger::Formatter) && ::Logger::Formatter) || Object)
      def call(severity, time, program, message)
        format(LINE, first: severity[0], time: format_datetime(time), process: Process.pid, severity: severity,
                     request: ElysiumRuntime.request_id, program: program, message: msg2str(message))
      end
    end

    def initialize(device = nil, *rest, **options)
      return super unless device.nil? || device.equal?($stdout) || device.equal?($stderr)

      super(Device.new, *rest, **options.merge(formatter: options[:formatter] || Formatter.new))
    end
  end

  def self.change_output
    STDOUT.sync = true
    Kernel.module_eval do
      # The values of one call are one event.
      def puts(*values)
        ElysiumRuntime.log(values.flatten.map(&:to_s).join("\n"))
        nil
      end
      module_function :puts
    end
    return unless defined?(::Logger)

    ::Logger.prepend(Loggers)
  end

  def self.missing_sdk(error)
    return unless error.is_a?(LoadError) && error.path.to_s.start_with?("aws-")

    warn "There is no AWS SDK for Ruby #{RUBY_VERSION} on this machine: install what is used of it " \
         "(gem install aws-sdk-s3), or bring it in the package or a layer."
  end

  # Loads the function that the environment names; ends the process where that fails.
  def self.load_handler(api)
    $LOAD_PATH.unshift(Dir.pwd) unless $LOAD_PATH.include?(Dir.pwd)
    handler = LambdaHandler.new(env_handler: ENV.fetch("_HANDLER", ""))
    require handler.handler_file_name
    handler
  rescue SignalException
    raise
  rescue Exception => error
    missing_sdk(error)
    document = Errors.document(error, "Init")
    Errors.log(document, "Init error when loading handler #{ENV.fetch("_HANDLER", "")}")
    api.fail_initialisation(Errors.encoded(document), Errors.kind(error, "Init"))
    exit(ENDED_AT_INIT)
  end

  # What came of an invocation: the end of the path, what is posted, its type, the kind of its error, and whether
  # nothing comes after it.
  def self.outcome(handler, invocation)
    event = AwsLambda::Marshaller.marshall_request(invocation)
    answer, type = handler.call_handler(request: event, context: LambdaContext.new(invocation))
    answer = answer.read if type == "application/unknown"
    ["response", answer.to_s, type || "application/json", nil, false]
  rescue SignalException
    raise
  rescue Exception => error
    # Names that are not there end the process, as on AWS; so does all that is no StandardError.
    critical = error.is_a?(NameError) || !error.is_a?(StandardError)
    document = Errors.document(error, "Function")
    Errors.log(document, critical ? "Critical exception from handler" : "Error raised from handler method")
    ["error", Errors.encoded(document), "application/json", Errors.kind(error, "Function"), critical]
  end

  def self.serve(api, handler)
    api.ask_next
    while (invocation = api.next)
      self.request_id = invocation["lambda-runtime-aws-request-id"]
      ENV["_X_AMZN_TRACE_ID"] = invocation["lambda-runtime-trace-id"]
      ending, body, type, kind, last = outcome(handler, invocation)
      STDOUT.flush
      STDERR.flush
      api.answer("#{INVOCATION}#{request_id}/#{ending}", body, type, kind: kind, last: last)
      exit(ENDED_BY_ERROR) if last
    end
  end
end

module AwsLambda
  # What an event becomes, and a result; functions may put their own in its place.
  class Marshaller
    class << self
      def marshall_request(raw_request)
        raw_request["Content-Type"] == "application/json" ? JSON.parse(raw_request.body) : raw_request.body
      end

      def marshall_response(method_response)
        case method_response
        when StringIO, IO then [method_response, "application/unknown"]
        else method_response.to_json
        end
      end
    end
  end
end

# What a handler is told of its invocation.
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
              :memory_limit_in_mb, :function_version, :identity, :tenant_id, :client_context, :deadline_ms

  def initialize(request)
    @deadline_ms = request["Lambda-Runtime-Deadline-Ms"].to_i
    @aws_request_id = request["Lambda-Runtime-Aws-Request-Id"]
    @invoked_function_arn = request["Lambda-Runtime-Invoked-Function-Arn"]
    @log_group_name = ENV["AWS_LAMBDA_LOG_GROUP_NAME"]
    @log_stream_name = ENV["AWS_LAMBDA_LOG_STREAM_NAME"]
    @function_name = ENV["AWS_LAMBDA_FUNCTION_NAME"]
    @memory_limit_in_mb = ENV["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    @function_version = ENV["AWS_LAMBDA_FUNCTION_VERSION"]
    @tenant_id = given(request, "Lambda-Runtime-Aws-Tenant-Id")
    @identity = given(request, "Lambda-Runtime-Cognito-Identity")&.then { |text| JSON.parse(text) }
    @client_context = given(request, "Lambda-Runtime-Client-Context")&.then { |text| JSON.parse(text) }
  end

  def get_remaining_time_in_millis
    [@deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond), 0].max
  end

  private

  def given(request, name)
    request[name] unless request[name].to_s.empty?
  end
end

# The function's own method, which is called on this where it is at the top of its file.
class LambdaHandler
  attr_reader :handler_file_name, :handler_method_name

  def initialize(env_handler:)
    parts = env_handler.split(".")
    unless [2, 3].include?(parts.size)
      raise ArgumentError, "Invalid handler #{parts}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where " \
                           "FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional " \
                           "module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a " \
                           "class-level method."
    end
    @handler_file_name = parts.first
    @handler_class = parts[1] if parts.size == 3
    @handler_method_name = parts.last
  end

  def call_handler(request:, context:)
    receiver = @handler_class ? Kernel.const_get(@handler_class) : self
    AwsLambda::Marshaller.marshall_response(receiver.__send__(@handler_method_name, event: request, context: context))
  end
end

begin
  ElysiumRuntime.change_output
  api = ElysiumRuntime::RuntimeApi.new(ENV.fetch("AWS_LAMBDA_RUNTIME_API"))
  ElysiumRuntime.serve(api, ElysiumRuntime.load_handler(api))
rescue EOFError, SystemCallError => error
  warn error.message
  exit!(1)
rescue SignalException => signal
  exit!(128 + signal.signo)
end
