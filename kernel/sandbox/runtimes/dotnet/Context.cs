// What a .NET handler is told of its invocation, and its log: objects of the interfaces of Amazon.Lambda.Core, whose
// types are made while the function begins, because they are the function's own.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;
using System.Text;

namespace ElysiumRuntime
{
    /// <summary>Answers the methods of an interface by their names.</summary>
    public abstract class Told
    {
        public Func<string, object[], object> Answer;

        private static readonly Dictionary<Type, Type> made = new Dictionary<Type, Type>();
        private static readonly ModuleBuilder module = AssemblyBuilder
            .DefineDynamicAssembly(new AssemblyName("ElysiumRuntime.Told"), AssemblyBuilderAccess.Run).DefineDynamicModule("Told");

        public static object Of(Type contract, Func<string, object[], object> answer)
        {
            Type type;
            lock (made)
            {
                if (!made.TryGetValue(contract, out type)) made[contract] = type = Made(contract);
            }
            var told = (Told)Activator.CreateInstance(type);
            told.Answer = answer;
            return told;
        }

        private static Type Made(Type contract)
        {
            TypeBuilder type = module.DefineType("Told" + contract.Name, TypeAttributes.Public, typeof(Told), new[] { contract });
            foreach (MethodInfo method in contract.GetMethods().Where(m => m.IsAbstract || m.IsVirtual))
            {
                Type[] given = method.GetParameters().Select(parameter => parameter.ParameterType).ToArray();
                MethodBuilder own = type.DefineMethod(method.Name, MethodAttributes.Public | MethodAttributes.Virtual, method.ReturnType, given);
                Body(own.GetILGenerator(), method, given);
                type.DefineMethodOverride(own, method);
            }
            return type.CreateTypeInfo().AsType();
        }

        /// <summary>Calls `Answer` with the method's name and what it was given.</summary>
        private static void Body(ILGenerator code, MethodInfo method, Type[] given)
        {
            code.Emit(OpCodes.Ldarg_0);
            code.Emit(OpCodes.Ldfld, typeof(Told).GetField("Answer"));
            code.Emit(OpCodes.Ldstr, method.Name);
            code.Emit(OpCodes.Ldc_I4, given.Length);
            code.Emit(OpCodes.Newarr, typeof(object));
            for (int i = 0; i < given.Length; i++)
            {
                code.Emit(OpCodes.Dup);
                code.Emit(OpCodes.Ldc_I4, i);
                code.Emit(OpCodes.Ldarg, i + 1);
                if (given[i].IsValueType) code.Emit(OpCodes.Box, given[i]);
                code.Emit(OpCodes.Stelem_Ref);
            }
            code.Emit(OpCodes.Callvirt, typeof(Func<string, object[], object>).GetMethod("Invoke"));
            if (method.ReturnType == typeof(void)) code.Emit(OpCodes.Pop);
            else code.Emit(OpCodes.Unbox_Any, method.ReturnType);
            code.Emit(OpCodes.Ret);
        }
    }

    internal static class Context
    {
        /// <summary>The end of the year 9999, beyond which no moment can be told.</summary>
        private const long LatestMs = 253402300799000;

        public static object Of(Type contract, Answer invocation, object serializer)
        {
            Func<string, string> variable = name => Environment.GetEnvironmentVariable(name) ?? "";
            Func<string, Type> type = name => { var found = contract.GetProperty(name); return found == null ? null : found.PropertyType; };
            long deadline = long.Parse(invocation.Header("Lambda-Runtime-Deadline-Ms"), CultureInfo.InvariantCulture);
            DateTime end = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMilliseconds(Math.Min(deadline, LatestMs));
            var identity = Json.Read(invocation.Header("Lambda-Runtime-Cognito-Identity"));
            var values = new Dictionary<string, object>
            {
                { "AwsRequestId", invocation.Header("Lambda-Runtime-Aws-Request-Id") },
                { "InvokedFunctionArn", invocation.Header("Lambda-Runtime-Invoked-Function-Arn") },
                { "TraceId", invocation.Header("Lambda-Runtime-Trace-Id") },
                { "TenantId", invocation.Header("Lambda-Runtime-Aws-Tenant-Id") },
                { "FunctionName", variable("AWS_LAMBDA_FUNCTION_NAME") },
                { "FunctionVersion", variable("AWS_LAMBDA_FUNCTION_VERSION") },
                { "LogGroupName", variable("AWS_LAMBDA_LOG_GROUP_NAME") },
                { "LogStreamName", variable("AWS_LAMBDA_LOG_STREAM_NAME") },
                { "MemoryLimitInMB", int.Parse(variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), CultureInfo.InvariantCulture) },
                { "Serializer", serializer },
                { "Identity", Fixed(type("Identity"), new Dictionary<string, object>
                    {
                        { "IdentityId", At(identity, "cognitoIdentityId") },
                        { "IdentityPoolId", At(identity, "cognitoIdentityPoolId") },
                    }) },
                { "ClientContext", Client(type("ClientContext"), Json.Read(invocation.Header("Lambda-Runtime-Client-Context"))) },
                { "Logger", Log.Told(type("Logger")) },
            };
            return Told.Of(contract, (name, given) =>
                name == "get_RemainingTime" ? end - DateTime.UtcNow : At(values, name.Substring(name.IndexOf('_') + 1)));
        }

        private static object At(Dictionary<string, object> values, string name)
        {
            object value;
            return values.TryGetValue(name, out value) ? value : null;
        }

        private static object Fixed(Type contract, Dictionary<string, object> values)
        {
            return contract == null ? null : Told.Of(contract, (name, given) => At(values, name.Substring(name.IndexOf('_') + 1)));
        }

        private static object Client(Type contract, Dictionary<string, object> told)
        {
            if (contract == null) return null;
            var client = At(told, "client") as Dictionary<string, object>;
            var names = new Dictionary<string, string>
            {
                { "AppPackageName", "app_package_name" }, { "AppTitle", "app_title" }, { "AppVersionCode", "app_version_code" },
                { "AppVersionName", "app_version_name" }, { "InstallationId", "installation_id" },
            };
            return Fixed(contract, new Dictionary<string, object>
            {
                { "Client", client == null ? null : Fixed(contract.GetProperty("Client").PropertyType,
                    names.ToDictionary(name => name.Key, name => At(client, name.Value))) },
                { "Custom", Texts(At(told, "custom")) },
                { "Environment", Texts(At(told, "env")) },
            });
        }

        private static IDictionary<string, string> Texts(object told)
        {
            var values = told as Dictionary<string, object>;
            return values == null ? null : values.ToDictionary(value => value.Key, value => Convert.ToString(value.Value, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Writes each line of the function as one event, with the time, the invocation and a level.</summary>
    internal sealed class Log : TextWriter
    {
        private static readonly string[] Levels = { "Trace", "Debug", "Information", "Warning", "Error", "Critical" };
        private static readonly string[] Labels = { "trce", "dbug", "info", "warn", "fail", "crit" };
        private static Log only;
        private readonly TextWriter inner;
        private readonly string format;
        private readonly int lowest;

        public string Request = "";
        public string Trace = "";

        public Log()
        {
            inner = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
            format = Setting("AWS_LAMBDA_HANDLER_LOG_FORMAT", "AWS_LAMBDA_LOG_FORMAT");
            lowest = Math.Max(0, Level(Setting("AWS_LAMBDA_HANDLER_LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL")));
            only = this;
            Console.SetOut(this);
            Console.SetError(new ErrorWriter(this));
        }

        private static string Setting(string first, string second)
        {
            string value = Environment.GetEnvironmentVariable(first);
            return string.IsNullOrEmpty(value) ? Environment.GetEnvironmentVariable(second) ?? "" : value;
        }

        private static int Level(string name)
        {
            string known = name.Equals("fatal", StringComparison.OrdinalIgnoreCase) ? "Critical"
                : name.StartsWith("warn", StringComparison.OrdinalIgnoreCase) ? "Warning"
                : name.Equals("info", StringComparison.OrdinalIgnoreCase) ? "Information" : name;
            return Array.FindIndex(Levels, level => level.Equals(known, StringComparison.OrdinalIgnoreCase));
        }

        /// <summary>Makes the logger of the function's own Amazon.Lambda.Core write here.</summary>
        public void Join()
        {
            Type logger;
            try { logger = Assembly.Load(new AssemblyName("Amazon.Lambda.Core")).GetType("Amazon.Lambda.Core.LambdaLogger"); }
            catch (IOException) { return; }
            Action<string, object> set = (name, action) =>
            {
                FieldInfo field = logger == null ? null : logger.GetField(name, BindingFlags.NonPublic | BindingFlags.Static);
                if (field != null && field.FieldType.IsInstanceOfType(action)) field.SetValue(null, action);
            };
            set("_loggingAction", (Action<string>)(text => Tell("Information", text, null)));
            set("_loggingWithLevelAction", (Action<string, string, object[]>)((level, text, given) => Tell(level, Filled(text, given), null)));
            set("_loggingWithLevelAndExceptionAction", (Action<string, Exception, string, object[]>)((level, error, text, given) => Tell(level, Filled(text, given), error)));
        }

        /// <summary>The logger of a context: levels are in the names of its methods, or what they are given first.</summary>
        public static object Told(Type contract)
        {
            if (contract == null) return null;
            return ElysiumRuntime.Told.Of(contract, (name, given) =>
            {
                var error = given.OfType<Exception>().FirstOrDefault();
                var values = given.LastOrDefault() as object[];
                string level = name.StartsWith("Log") && Level(name.Substring(3)) >= 0 ? name.Substring(3) : "Information";
                bool levelled = name == "Log" && given.Length > 1 && (given[0] is string || given[0] is Enum);
                if (levelled) level = given[0].ToString();
                string text = given.Skip(levelled ? 1 : 0).OfType<string>().FirstOrDefault() ?? "";
                only.Tell(level, Filled(text, values), error);
                return null;
            });
        }

        /// <summary>A text with its places filled: `{name}` in order, or `{0}` by number.</summary>
        private static string Filled(string text, object[] given)
        {
            if (given == null || given.Length == 0 || string.IsNullOrEmpty(text)) return text ?? "";
            var filled = new StringBuilder();
            int next = 0;
            for (int at = 0; at < text.Length; at++)
            {
                int end = text[at] == '{' ? text.IndexOf('}', at) : -1;
                if (end <= at + 1 || text[at + 1] == '{') { filled.Append(text[at]); continue; }
                string[] place = text.Substring(at + 1, end - at - 1).Split(new[] { ':' }, 2);
                int number;
                if (!int.TryParse(place[0], out number)) number = next;
                next++;
                if (number < 0 || number >= given.Length) { filled.Append(text, at, end - at + 1); }
                else filled.Append(place.Length > 1 && given[number] is IFormattable
                    ? ((IFormattable)given[number]).ToString(place[1], CultureInfo.InvariantCulture)
                    : Convert.ToString(given[number], CultureInfo.InvariantCulture));
                at = end;
            }
            return filled.ToString();
        }

        public void Tell(string level, string text, Exception error)
        {
            int at = Math.Max(0, Level(level ?? "Information"));
            if (at < lowest) return;
            string time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
            string line;
            if (format.Equals("JSON", StringComparison.OrdinalIgnoreCase)) line = Structured(time, Levels[at], text, error);
            else
            {
                if (error != null) text += (text.Length > 0 ? "\n" : "") + error;
                line = format.Equals("Unformatted", StringComparison.OrdinalIgnoreCase) ? text
                    : time + "\t" + Request + "\t" + Labels[at] + "\t" + text;
            }
            lock (inner) inner.Write(line.Replace("\r\n", "\n").Replace('\n', '\r') + "\n");
        }

        private string Structured(string time, string level, string text, Exception error)
        {
            var line = new StringBuilder("{\"timestamp\":" + Json.Quoted(time) + ",\"level\":" + Json.Quoted(level));
            if (Request.Length > 0) line.Append(",\"requestId\":" + Json.Quoted(Request));
            if (Trace.Length > 0) line.Append(",\"traceId\":" + Json.Quoted(Trace));
            line.Append(",\"message\":" + Json.Quoted(text));
            if (error != null)
            {
                line.Append(",\"errorType\":" + Json.Quoted(error.GetType().FullName) + ",\"errorMessage\":" + Json.Quoted(error.Message));
                line.Append(",\"stackTrace\":[" + string.Join(",", error.ToString().Split('\n').Select(l => Json.Quoted(l.Trim()))) + "]");
            }
            return line.Append('}').ToString();
        }

        public override Encoding Encoding { get { return inner.Encoding; } }
        public override void Flush() { lock (inner) inner.Flush(); }
        public override void Write(char value) { lock (inner) inner.Write(value); }
        public override void Write(string value) { lock (inner) inner.Write(value); }
        public override void WriteLine() { Tell("Information", "", null); }
        public override void WriteLine(string value) { Tell("Information", value ?? "", null); }
        public override void WriteLine(object value) { WriteLine(Convert.ToString(value, FormatProvider)); }
        public override void WriteLine(bool value) { WriteLine(value.ToString()); }
        public override void WriteLine(char value) { WriteLine(value.ToString()); }
        public override void WriteLine(char[] buffer) { WriteLine(new string(buffer ?? new char[0])); }
        public override void WriteLine(char[] buffer, int index, int count) { WriteLine(new string(buffer, index, count)); }
        public override void WriteLine(int value) { WriteLine(value.ToString(FormatProvider)); }
        public override void WriteLine(uint value) { WriteLine(value.ToString(FormatProvider)); }
        public override void WriteLine(long value) { WriteLine(value.ToString(FormatProvider)); }
        public override void WriteLine(ulong value) { WriteLine(value.ToString(FormatProvider)); }
        public override void WriteLine(float value) { WriteLine(value.ToString(FormatProvider)); }
        public override void WriteLine(double value) { WriteLine(value.ToString(FormatProvider)); }
        public override void WriteLine(decimal value) { WriteLine(value.ToString(FormatProvider)); }
        public override void WriteLine(string format, object a) { WriteLine(string.Format(FormatProvider, format, a)); }
        public override void WriteLine(string format, object a, object b) { WriteLine(string.Format(FormatProvider, format, a, b)); }
        public override void WriteLine(string format, object a, object b, object c) { WriteLine(string.Format(FormatProvider, format, a, b, c)); }
        public override void WriteLine(string format, params object[] given) { WriteLine(string.Format(FormatProvider, format, given)); }

        /// <summary>The same for what is written as an error.</summary>
        private sealed class ErrorWriter : TextWriter
        {
            private readonly Log log;
            private readonly StringBuilder line = new StringBuilder();

            public ErrorWriter(Log log) { this.log = log; }

            public override Encoding Encoding { get { return log.Encoding; } }

            public override void Write(char value)
            {
                lock (line)
                {
                    if (value != '\n') { line.Append(value); return; }
                    log.Tell("Error", line.ToString(), null);
                    line.Clear();
                }
            }

            public override void WriteLine(string value) { log.Tell("Error", value ?? "", null); }
        }
    }
}
