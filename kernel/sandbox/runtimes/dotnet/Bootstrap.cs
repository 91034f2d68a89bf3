// Runs one .NET class library: takes its invocations from the Runtime API and gives them to its handler.
//
// Written in C# 7 and met by reflection alone are the types of Amazon.Lambda.Core, which are the function's own: so it
// is compiled by the SDK of whichever version the machine has, without packages. Each line on stdout is one log event;
// line breaks inside an event are carriage returns.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Threading.Tasks;

namespace ElysiumRuntime
{
    /// <summary>What Lambda reports itself of a handler that it cannot call.</summary>
    public sealed class LambdaValidationException : Exception
    {
        public LambdaValidationException(string message) : base(message) { }
    }

    internal sealed class Answer
    {
        public int Status;
        public readonly Dictionary<string, string> Headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        public byte[] Body = new byte[0];

        public string Header(string name)
        {
            string value;
            return Headers.TryGetValue(name, out value) ? value : "";
        }
    }

    /// <summary>One connection, which is kept.</summary>
    internal sealed class RuntimeApi
    {
        public const string Version = "/2018-06-01/runtime";
        private readonly string host;
        private readonly Stream stream;
        private readonly byte[] buffer = new byte[65536];
        private int from, to;

        public RuntimeApi(string address)
        {
            int at = address.LastIndexOf(':');
            var client = new TcpClient(address.Substring(0, at), int.Parse(address.Substring(at + 1))) { NoDelay = true };
            host = address;
            stream = client.GetStream();
        }

        public Answer Next()
        {
            return Exchange("GET " + Version + "/invocation/next HTTP/1.1\r\nHost: " + host + "\r\n\r\n", new byte[0]);
        }

        public Answer Post(string path, byte[] body, string error)
        {
            string kind = error == null ? "" : "Lambda-Runtime-Function-Error-Type: " + Printable(error) + "\r\n";
            return Exchange("POST " + Version + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\n"
                + kind + "Content-Length: " + body.Length + "\r\n\r\n", body);
        }

        private static string Printable(string text)
        {
            return new string(text.Select(c => c < ' ' || c > '~' ? '?' : c).ToArray());
        }

        private Answer Exchange(string head, byte[] body)
        {
            byte[] first = Encoding.ASCII.GetBytes(head);
            byte[] whole = new byte[first.Length + body.Length];
            first.CopyTo(whole, 0);
            body.CopyTo(whole, first.Length);
            stream.Write(whole, 0, whole.Length);
            var answer = new Answer { Status = int.Parse(Line().Substring(9, 3)) };
            for (string line = Line(); line.Length > 0; line = Line())
            {
                int colon = line.IndexOf(':');
                answer.Headers[line.Substring(0, colon)] = line.Substring(colon + 1).Trim();
            }
            answer.Body = answer.Header("Transfer-Encoding").Contains("chunked") ? Chunks() : Exactly(Length(answer));
            return answer;
        }

        private static int Length(Answer answer)
        {
            int length;
            return int.TryParse(answer.Header("Content-Length"), out length) ? length : 0;
        }

        private int Byte()
        {
            if (from == to)
            {
                from = 0;
                to = stream.Read(buffer, 0, buffer.Length);
                if (to == 0) throw new EndOfStreamException("the runtime closed the connection");
            }
            return buffer[from++];
        }

        private string Line()
        {
            var line = new List<byte>();
            for (int next = Byte(); next != '\n'; next = Byte())
            {
                if (next != '\r') line.Add((byte)next);
                if (line.Count > buffer.Length) throw new EndOfStreamException("the runtime sent a head without an end");
            }
            return Encoding.UTF8.GetString(line.ToArray());
        }

        private byte[] Exactly(int length)
        {
            var whole = new byte[length];
            int had = Math.Min(length, to - from);
            Array.Copy(buffer, from, whole, 0, had);
            from += had;
            while (had < length)
            {
                int got = stream.Read(whole, had, length - had);
                if (got == 0) throw new EndOfStreamException("the runtime closed the connection");
                had += got;
            }
            return whole;
        }

        private byte[] Chunks()
        {
            var whole = new MemoryStream();
            for (int length = Convert.ToInt32(Line(), 16); length > 0; length = Convert.ToInt32(Line(), 16))
            {
                whole.Write(Exactly(length), 0, length);
                Line();
            }
            while (Line().Length > 0) { }
            return whole.ToArray();
        }
    }

    /// <summary>The few things of JSON that a bootstrap reads and writes itself.</summary>
    internal sealed class Json
    {
        private const int MaxDepth = 64;
        private readonly string text;
        private int at;

        private Json(string text) { this.text = text; }

        /// <summary>Objects become dictionaries; numbers and words stay texts.</summary>
        public static Dictionary<string, object> Read(string text)
        {
            if (string.IsNullOrWhiteSpace(text)) return new Dictionary<string, object>();
            return new Json(text).Value(0) as Dictionary<string, object> ?? new Dictionary<string, object>();
        }

        public static string Quoted(string text)
        {
            var quoted = new StringBuilder("\"");
            foreach (char c in text)
            {
                if (c == '"' || c == '\\') quoted.Append('\\').Append(c);
                else if (c == '\n') quoted.Append("\\n");
                else if (c == '\r') quoted.Append("\\r");
                else if (c == '\t') quoted.Append("\\t");
                else if (c < ' ' || char.IsSurrogate(c)) quoted.Append("\\u").Append(((int)c).ToString("x4"));
                else quoted.Append(c);
            }
            return quoted.Append('"').ToString();
        }

        private char Next()
        {
            while (at < text.Length && " \t\r\n,:".IndexOf(text[at]) >= 0) at++;
            if (at >= text.Length) throw new FormatException("the JSON is not whole");
            return text[at];
        }

        private object Value(int depth)
        {
            if (depth > MaxDepth) throw new FormatException("the JSON is too deep");
            char first = Next();
            if (first == '"') return Text();
            if (first == '[')
            {
                var items = new List<object>();
                for (at++; Next() != ']';) items.Add(Value(depth + 1));
                at++;
                return items;
            }
            if (first != '{') return Word();
            var fields = new Dictionary<string, object>();
            for (at++; Next() != '}';)
            {
                string name = Text();
                fields[name] = Value(depth + 1);
            }
            at++;
            return fields;
        }

        private string Word()
        {
            int begin = at;
            while (at < text.Length && ",]} \t\r\n".IndexOf(text[at]) < 0) at++;
            if (at == begin) throw new FormatException("the JSON is broken");
            return text.Substring(begin, at - begin);
        }

        private string Text()
        {
            if (text[at] != '"') throw new FormatException("the JSON is broken");
            var read = new StringBuilder();
            for (at++; at < text.Length && text[at] != '"'; at++)
            {
                if (text[at] != '\\') { read.Append(text[at]); continue; }
                if (++at >= text.Length) break;
                int known = "nrtbf".IndexOf(text[at]);
                if (text[at] == 'u' && at + 4 < text.Length)
                {
                    read.Append((char)Convert.ToInt32(text.Substring(at + 1, 4), 16));
                    at += 4;
                }
                else read.Append(known >= 0 ? "\n\r\t\b\f"[known] : text[at]);
            }
            at++;
            return read.ToString();
        }
    }

    /// <summary>The documents that tell of errors.</summary>
    internal static class Errors
    {
        private const int MaxDepth = 10;
        private const int MaxBytes = 256 * 1024;

        public static byte[] Document(Exception error)
        {
            byte[] told = Encoding.UTF8.GetBytes(Told(error, 0));
            return told.Length <= MaxBytes ? told
                : Encoding.UTF8.GetBytes("{\"errorMessage\": \"Exception exceeded maximum payload size of 256KB.\"}");
        }

        /// <summary>Where it came from, without what is ours.</summary>
        public static List<string> Trace(Exception error)
        {
            var lines = (error.StackTrace ?? "").Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0);
            string[] ours = { "at System.RuntimeMethodHandle.", "at System.Reflection.", "at InvokeStub_", "at ElysiumRuntime.",
                              "at (wrapper managed-to-native) System.Reflection." };
            return lines.TakeWhile(line => !ours.Any(line.StartsWith)).ToList();
        }

        private static string Told(Exception error, int depth)
        {
            var told = new StringBuilder("{\n  \"errorType\": " + Json.Quoted(error.GetType().Name));
            told.Append(",\n  \"errorMessage\": ").Append(Json.Quoted(error.Message));
            var trace = Trace(error);
            if (trace.Count > 0) told.Append(",\n  \"stackTrace\": [" + string.Join(", ", trace.Select(Json.Quoted)) + "]");
            if (error.InnerException != null && depth < MaxDepth)
                told.Append(",\n  \"cause\": ").Append(Told(error.InnerException, depth + 1));
            var several = error as AggregateException;
            if (several != null && depth < MaxDepth)
                told.Append(",\n  \"causes\": [" + string.Join(", ", several.InnerExceptions.Select(e => Told(e, depth + 1))) + "]");
            return told.Append("\n}").ToString();
        }
    }

    /// <summary>Calls the handler of a class library.</summary>
    internal sealed class Handler
    {
        private const string Core = "Amazon.Lambda.Core.";
        private const BindingFlags All = BindingFlags.DeclaredOnly | BindingFlags.NonPublic | BindingFlags.Public
            | BindingFlags.Instance | BindingFlags.Static;
        private readonly object target;
        private readonly MethodInfo method;
        private readonly object serializer;
        private readonly MethodInfo read, write;
        private readonly Type input, context, output;

        public Handler(string handler)
        {
            string[] parts = handler.Split(new[] { "::" }, 3, StringSplitOptions.None);
            string[] names = { "assembly", "type", "method" };
            if (parts.Length != 3) throw Invalid("Invalid lambda function handler: '{0}'. The valid format is 'ASSEMBLY::TYPE::METHOD'.", handler);
            for (int i = 0; i < 3; i++)
            {
                parts[i] = parts[i].Trim();
                if (parts[i].Length == 0)
                    throw Invalid("Invalid lambda function handler: '{0}', the {1} is missing. The valid format is 'ASSEMBLY::TYPE::METHOD'.", handler, names[i]);
            }
            Assembly assembly = Loaded(parts[0]);
            Type type = assembly.GetType(parts[1]);
            if (type == null) throw Invalid("Unable to load type '{0}' from assembly '{1}'.", parts[1], parts[0]);
            method = Found(type, parts[2]);
            if (method == null)
                throw Invalid("Unable to find method '{0}' in type '{1}' from assembly '{2}': Found no methods matching method name '{3}'.",
                    parts[2], parts[1], parts[0], parts[2]);
            Type[] types = method.GetParameters().Select(parameter => parameter.ParameterType).ToArray();
            if (types.Length > 2) throw Invalid("Method '{0}' of type '{1}' is not supported: the method has more than 2 parameters.", method.Name, parts[1]);
            if (types.Length == 2 && !IsContext(types[1]))
                throw Invalid("Method '{0}' of type '{1}' is not supported: the method has 2 parameters, but the second parameter is not of type '{2}'.",
                    method.Name, parts[1], Core + "ILambdaContext");
            context = types.LastOrDefault(IsContext);
            input = types.FirstOrDefault(parameter => !IsContext(parameter));
            output = Output(method.ReturnType);
            serializer = Serializer(assembly, type);
            Type contract = serializer == null ? null : serializer.GetType().GetInterface(Core + "ILambdaSerializer");
            Check(input, contract, "deserialize input", parts[0], parts[2]);
            Check(output, contract, "serialize output", parts[0], parts[2]);
            if (contract != null && input != null) read = contract.GetMethod("Deserialize").MakeGenericMethod(input);
            if (contract != null && output != null) write = contract.GetMethod("Serialize").MakeGenericMethod(output);
            if (!method.IsStatic) target = Called(() => Activator.CreateInstance(type));
        }

        private static Exception Invalid(string text, params object[] values)
        {
            return new LambdaValidationException(string.Format(CultureInfo.InvariantCulture, text, values));
        }

        private static bool IsContext(Type type) { return type.FullName == Core + "ILambdaContext"; }

        private static Assembly Loaded(string name)
        {
            try { return Assembly.Load(new AssemblyName(name)); }
            catch (FileNotFoundException missing)
            {
                throw Invalid("Could not find the specified handler assembly with the file name '{0}'. The assembly should be "
                    + "located in the root of your uploaded .zip file.", missing.FileName);
            }
            catch (Exception) { throw Invalid("Unable to load assembly '{0}'.", name); }
        }

        private static MethodInfo Found(Type type, string name)
        {
            for (Type at = type; at != null; at = at.BaseType)
            {
                MethodInfo[] methods = at.GetMethods(All).Where(m => m.Name == name || m.ToString() == name).ToArray();
                if (methods.Length == 1) return methods[0];
                if (methods.Length > 1)
                    throw Invalid("The method '{0}' in type '{1}' appears to have a number of overloads. To call this method please "
                        + "specify a complete method signature. Possible candidates are:\n{2}.", name, at.FullName,
                        string.Join("\n", methods.Select(m => m.ToString())));
            }
            return null;
        }

        /// <summary>The type of what is told; none where nothing is.</summary>
        private static Type Output(Type told)
        {
            for (Type at = told; at != null; at = at.BaseType)
            {
                if (at.IsGenericType && at.GetGenericTypeDefinition() == typeof(Task<>))
                {
                    // An `async Task` is one of a type that has no name.
                    Type of = at.GetGenericArguments()[0];
                    return of.Name == "VoidTaskResult" ? null : of;
                }
            }
            return told == typeof(void) || typeof(Task).IsAssignableFrom(told) ? null : told;
        }

        private object Serializer(Assembly assembly, Type type)
        {
            Func<object, bool> named = found => found.GetType().FullName == Core + "LambdaSerializerAttribute";
            object attribute = method.GetCustomAttributes(false).FirstOrDefault(named) ?? assembly.GetCustomAttributes(false).FirstOrDefault(named);
            if (attribute == null) return null;
            var chosen = (Type)attribute.GetType().GetProperty("SerializerType").GetValue(attribute);
            if (chosen.GetConstructor(Type.EmptyTypes) == null)
                throw Invalid("The indicated serializer '{0}' does not define a public zero-parameter constructor.", chosen.FullName);
            return Called(() => Activator.CreateInstance(chosen));
        }

        private static void Check(Type data, Type contract, string doing, string assembly, string method)
        {
            if (data == null || contract != null || typeof(Stream).IsAssignableFrom(data)) return;
            throw Invalid("Could not find the LambdaSerializerAttribute on the assembly '{0}' or method '{1}' while attempting to {2} data "
                + "of type '{3}'. To use types other than System.IO.Stream as input/output parameters, the assembly or Lambda function "
                + "should be annotated with {4}.", assembly, method, doing, data.FullName, Core + "LambdaSerializerAttribute");
        }

        /// <summary>What is thrown within is thrown as it is.</summary>
        private static object Called(Func<object> call)
        {
            try { return call(); }
            catch (TargetInvocationException wrapped)
            {
                ExceptionDispatchInfo.Capture(wrapped.InnerException ?? wrapped).Throw();
                throw;
            }
        }

        public byte[] Invoke(Answer invocation)
        {
            var given = new List<object>();
            Stream body = new MemoryStream(invocation.Body);
            if (input != null) given.Add(input.IsAssignableFrom(typeof(MemoryStream)) && read == null || input == typeof(Stream)
                ? body : Called(() => read.Invoke(serializer, new object[] { body })));
            if (context != null) given.Add(Context.Of(context, invocation, serializer));
            object told = Called(() => method.Invoke(target, given.ToArray()));
            var task = told as Task;
            if (task != null)
            {
                task.GetAwaiter().GetResult();
                told = output == null ? null : task.GetType().GetProperty("Result").GetValue(task);
            }
            if (output == null) return new byte[0];
            var written = new MemoryStream();
            var stream = told as Stream;
            if (stream != null) stream.CopyTo(written);
            else if (write != null) Called(() => write.Invoke(serializer, new[] { told, written }));
            return written.ToArray();
        }
    }

    public static class Program
    {
        private static string Variable(string name) { return Environment.GetEnvironmentVariable(name) ?? ""; }

        public static int Main(string[] arguments)
        {
            string root = Variable("LAMBDA_TASK_ROOT");
            // What the files of dependencies do not name lies beside the function.
            AppDomain.CurrentDomain.AssemblyResolve += (sender, wanted) =>
            {
                string place = Path.Combine(root, new AssemblyName(wanted.Name).Name + ".dll");
                return File.Exists(place) ? Assembly.LoadFrom(place) : null;
            };
            var log = new Log();
            var api = new RuntimeApi(Variable("AWS_LAMBDA_RUNTIME_API"));
            Handler handler;
            try
            {
                log.Join();
                handler = new Handler(arguments.Length > 0 ? arguments[0] : Variable("_HANDLER"));
            }
            catch (Exception error)
            {
                log.Tell("Error", error.ToString(), null);
                api.Post("/init/error", Errors.Document(error), error.GetType().Name);
                return 1;
            }
            for (Answer invocation = api.Next(); invocation.Status == 200; invocation = api.Next())
            {
                log.Request = invocation.Header("Lambda-Runtime-Aws-Request-Id");
                log.Trace = invocation.Header("Lambda-Runtime-Trace-Id");
                Environment.SetEnvironmentVariable("_X_AMZN_TRACE_ID", log.Trace);
                Serve(api, handler, invocation, log);
            }
            return 0;
        }

        private static void Serve(RuntimeApi api, Handler handler, Answer invocation, Log log)
        {
            string path = "/invocation/" + log.Request;
            byte[] body;
            string kind = null;
            try { body = handler.Invoke(invocation); }
            catch (Exception error)
            {
                log.Tell("Error", error.ToString(), null);
                body = Errors.Document(error);
                kind = error.GetType().Name;
            }
            Console.Out.Flush();
            Answer accepted = api.Post(path + (kind == null ? "/response" : "/error"), body, kind);
            if (accepted.Status >= 300 && accepted.Status != 413)
                log.Tell("Error", "the runtime refused an answer: " + accepted.Status, null);
        }
    }
}
