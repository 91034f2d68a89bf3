// Runs one Java function: takes its invocations from the Runtime API and answers them.
//
// Written in Java 8, so that it is compiled by the JDK of whichever version runs the function. The classes of
// aws-lambda-java-core are the function's own and are met by reflection alone. What is done before a handler is entered
// uses no lambda expression, no regular expression and no format, each of which takes longer than all the rest.

package elysium;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Proxy;
import java.lang.reflect.Type;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public final class Bootstrap {
    private static final String VERSION = "/2018-06-01/runtime";
    private static final String CORE = "com.amazonaws.services.lambda.runtime.";
    private static final int MAX_DEPTH = 256;

    // --- The Runtime API -----------------------------------------------------------------------

    static final class Answer {
        int status;
        final Map<String, String> headers = new HashMap<>();
        byte[] body;
    }

    /** One connection, which is kept. */
    static final class RuntimeApi {
        private final String host;
        private final DataInputStream in;
        private final OutputStream out;

        RuntimeApi(String address) throws IOException {
            int at = address.lastIndexOf(':');
            Socket socket = new Socket(address.substring(0, at), Integer.parseInt(address.substring(at + 1)));
            socket.setTcpNoDelay(true);
            host = address;
            in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream()));
            out = socket.getOutputStream();
        }

        Answer get(String path) throws IOException {
            out.write(("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1));
            return receive();
        }

        Answer post(String path, byte[] body, String error) throws IOException {
            StringBuilder head = new StringBuilder("POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\n");
            head.append("Content-Type: application/json\r\n");
            if (error != null) {
                head.append("Lambda-Runtime-Function-Error-Type: ").append(error).append("\r\n");
            }
            head.append("Content-Length: ").append(body.length).append("\r\n\r\n");
            byte[] first = head.toString().getBytes(StandardCharsets.ISO_8859_1);
            byte[] whole = Arrays.copyOf(first, first.length + body.length);
            System.arraycopy(body, 0, whole, first.length, body.length);
            out.write(whole);
            return receive();
        }

        void close() throws IOException {
            out.close();
        }

        private String line() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int next = in.read(); next != '\n'; next = in.read()) {
                if (next < 0) throw new IOException("the runtime closed the connection");
                if (next != '\r') line.write(next);
            }
            return new String(line.toByteArray(), StandardCharsets.ISO_8859_1);
        }

        private Answer receive() throws IOException {
            Answer answer = new Answer();
            answer.status = Integer.parseInt(line().substring(9, 12));
            for (String line = line(); !line.isEmpty(); line = line()) {
                int colon = line.indexOf(':');
                answer.headers.put(line.substring(0, colon).toLowerCase(), line.substring(colon + 1).trim());
            }
            answer.body = new byte[Integer.parseInt(answer.headers.getOrDefault("content-length", "0"))];
            in.readFully(answer.body);
            return answer;
        }
    }

    // --- JSON ----------------------------------------------------------------------------------

    static final class Reader {
        private final String text;
        private int at;

        Reader(String text) {
            this.text = text;
        }

        static Object read(String text) {
            Reader reader = new Reader(text);
            Object value = reader.value(0);
            reader.blank();
            if (reader.at < text.length()) throw reader.broken();
            return value;
        }

        private IllegalArgumentException broken() {
            return new IllegalArgumentException("the event is no JSON at " + at);
        }

        private void blank() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
        }

        private char next() {
            if (at >= text.length()) throw broken();
            return text.charAt(at++);
        }

        private Object value(int depth) {
            if (depth > MAX_DEPTH) throw broken();
            blank();
            char first = next();
            if (first == '{') return object(depth);
            if (first == '[') return array(depth);
            if (first == '"') return string();
            at--;
            int from = at;
            while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(from, at);
            if (word.equals("null")) return null;
            if (word.equals("true") || word.equals("false")) return Boolean.valueOf(word);
            int digits = digits(word);
            try {
                if (digits == 0) return Double.valueOf(word);
                if (digits < 10) return Integer.valueOf(word);
                return digits < 19 ? (Object) Long.valueOf(word) : (Object) new java.math.BigInteger(word);
            } catch (NumberFormatException e) {
                throw broken();
            }
        }

        /** How many digits a whole number has; 0 where it is none. */
        private static int digits(String word) {
            int from = word.startsWith("-") ? 1 : 0;
            for (int i = from; i < word.length(); i++) {
                if (word.charAt(i) < '0' || word.charAt(i) > '9') return 0;
            }
            return word.length() - from;
        }

        private Map<String, Object> object(int depth) {
            Map<String, Object> fields = new LinkedHashMap<>();
            blank();
            if (next() == '}') return fields;
            at--;
            while (true) {
                blank();
                if (next() != '"') throw broken();
                String name = string();
                blank();
                if (next() != ':') throw broken();
                fields.put(name, value(depth + 1));
                blank();
                char end = next();
                if (end == '}') return fields;
                if (end != ',') throw broken();
            }
        }

        private List<Object> array(int depth) {
            List<Object> items = new ArrayList<>();
            blank();
            if (next() == ']') return items;
            at--;
            while (true) {
                items.add(value(depth + 1));
                blank();
                char end = next();
                if (end == ']') return items;
                if (end != ',') throw broken();
            }
        }

        private String string() {
            StringBuilder out = new StringBuilder();
            for (char next = next(); next != '"'; next = next()) {
                if (next != '\\') {
                    out.append(next);
                    continue;
                }
                char escaped = next();
                int place = "\"\\/bfnrt".indexOf(escaped);
                if (place >= 0) {
                    out.append("\"\\/\b\f\n\r\t".charAt(place));
                } else if (escaped == 'u' && at + 4 <= text.length()) {
                    out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                } else {
                    throw broken();
                }
            }
            return out.toString();
        }
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (char each : text.toCharArray()) {
            if (each == '"' || each == '\\') out.append('\\').append(each);
            else if (each < ' ') out.append("\\u00").append(each < 16 ? "0" : "").append(Integer.toHexString(each));
            else out.append(each);
        }
        out.append('"');
    }

    private static void write(StringBuilder out, Object value, int depth) throws Exception {
        if (depth > MAX_DEPTH) throw new IllegalArgumentException("the result is nested too deeply");
        if (value == null) out.append("null");
        else if (value instanceof String || value instanceof Character || value instanceof Enum) quote(out, value.toString());
        else if (value instanceof Number || value instanceof Boolean) out.append(value);
        else if (value instanceof Date) out.append(((Date) value).getTime());
        else if (value instanceof byte[]) quote(out, Base64.getEncoder().encodeToString((byte[]) value));
        else if (value instanceof java.nio.ByteBuffer) {
            java.nio.ByteBuffer buffer = ((java.nio.ByteBuffer) value).duplicate();
            byte[] bytes = new byte[buffer.remaining()];
            buffer.get(bytes);
            quote(out, Base64.getEncoder().encodeToString(bytes));
        } else if (value instanceof Map) writeFields(out, (Map<?, ?>) value, depth);
        else if (value instanceof Collection) writeItems(out, (Collection<?>) value, depth);
        else if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) items.add(Array.get(value, i));
            writeItems(out, items, depth);
        } else writeFields(out, properties(value), depth);
    }

    private static void writeItems(StringBuilder out, Collection<?> items, int depth) throws Exception {
        out.append('[');
        String comma = "";
        for (Object item : items) {
            out.append(comma);
            write(out, item, depth + 1);
            comma = ",";
        }
        out.append(']');
    }

    private static void writeFields(StringBuilder out, Map<?, ?> fields, int depth) throws Exception {
        out.append('{');
        String comma = "";
        for (Map.Entry<?, ?> field : fields.entrySet()) {
            out.append(comma);
            quote(out, String.valueOf(field.getKey()));
            out.append(':');
            write(out, field.getValue(), depth + 1);
            comma = ",";
        }
        out.append('}');
    }

    /** What the getters of an object give, and its public fields. */
    private static Map<String, Object> properties(Object value) throws Exception {
        Map<String, Object> found = new LinkedHashMap<>();
        for (java.lang.reflect.Field field : value.getClass().getFields()) {
            if (!Modifier.isStatic(field.getModifiers())) found.put(field.getName(), field.get(value));
        }
        for (Method method : value.getClass().getMethods()) {
            String name = method.getName();
            boolean is = name.startsWith("is") && method.getReturnType() == boolean.class;
            if (method.getParameterCount() > 0 || Modifier.isStatic(method.getModifiers())) continue;
            if (!is && !(name.startsWith("get") && name.length() > 3) || name.equals("getClass")) continue;
            String rest = name.substring(is ? 2 : 3);
            if (rest.isEmpty()) continue;
            method.setAccessible(true);
            found.put(rest.substring(0, 1).toLowerCase() + rest.substring(1), method.invoke(value));
        }
        return found;
    }

    // --- Values of the types that a handler wants -----------------------------------------------

    private static Class<?> raw(Type type) {
        if (type instanceof Class) return (Class<?>) type;
        if (type instanceof ParameterizedType) return (Class<?>) ((ParameterizedType) type).getRawType();
        return Object.class;
    }

    private static Type argument(Type type, int index) {
        return type instanceof ParameterizedType ? ((ParameterizedType) type).getActualTypeArguments()[index] : Object.class;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object convert(Object value, Type type) throws Exception {
        Class<?> wanted = raw(type);
        if (value == null || wanted == Object.class) return value;
        if (wanted == String.class && value instanceof String) return value;
        if (value instanceof Number) {
            Number number = (Number) value;
            if (wanted == int.class || wanted == Integer.class) return number.intValue();
            if (wanted == long.class || wanted == Long.class) return number.longValue();
            if (wanted == double.class || wanted == Double.class) return number.doubleValue();
            if (wanted == float.class || wanted == Float.class) return number.floatValue();
            if (wanted == java.math.BigDecimal.class) return new java.math.BigDecimal(value.toString());
            if (wanted == Date.class) return new Date(number.longValue());
        }
        if ((wanted == boolean.class || wanted == Boolean.class) && value instanceof Boolean) return value;
        if (wanted.isEnum()) return Enum.valueOf((Class<Enum>) wanted, value.toString());
        if (wanted == java.nio.ByteBuffer.class) return java.nio.ByteBuffer.wrap(Base64.getDecoder().decode(value.toString()));
        if (wanted == byte[].class) return Base64.getDecoder().decode(value.toString());
        if (value instanceof Map) return fromFields((Map<String, Object>) value, wanted, type);
        if (value instanceof List) return fromItems((List<Object>) value, wanted, type);
        if (wanted == String.class) return value.toString();
        if (wanted.isInstance(value)) return value;
        throw new IllegalArgumentException("Cannot deserialize value of type `" + wanted.getName() + "` from " + value);
    }

    private static Object fromItems(List<Object> items, Class<?> wanted, Type type) throws Exception {
        Type of = wanted.isArray() ? wanted.getComponentType() : argument(type, 0);
        Collection<Object> made = java.util.Set.class.isAssignableFrom(wanted) ? new HashSet<>() : new ArrayList<>();
        for (Object item : items) made.add(convert(item, of));
        if (!wanted.isArray()) {
            if (wanted.isInstance(made)) return made;
            throw new IllegalArgumentException("Cannot deserialize value of type `" + wanted.getName() + "` from an array");
        }
        Object array = Array.newInstance(wanted.getComponentType(), items.size());
        int at = 0;
        for (Object item : made) Array.set(array, at++, item);
        return array;
    }

    private static Object fromFields(Map<String, Object> fields, Class<?> wanted, Type type) throws Exception {
        if (wanted.isAssignableFrom(LinkedHashMap.class)) {
            Map<String, Object> made = new LinkedHashMap<>();
            for (Map.Entry<String, Object> field : fields.entrySet()) {
                made.put(field.getKey(), convert(field.getValue(), argument(type, 1)));
            }
            return made;
        }
        if (wanted == String.class) {
            throw new IllegalArgumentException("Cannot deserialize value of type `java.lang.String` from an object");
        }
        java.lang.reflect.Constructor<?> constructor = wanted.getDeclaredConstructor();
        constructor.setAccessible(true);
        Object made = constructor.newInstance();
        Map<String, Method> setters = new HashMap<>();
        for (Method method : wanted.getMethods()) {
            if (method.getName().startsWith("set") && method.getParameterCount() == 1) {
                setters.put(method.getName().substring(3).toLowerCase(), method);
            }
        }
        for (Map.Entry<String, Object> field : fields.entrySet()) {
            Method setter = setters.get(field.getKey().toLowerCase().replace("-", ""));
            if (setter == null) continue;
            setter.setAccessible(true);
            setter.invoke(made, convert(field.getValue(), setter.getGenericParameterTypes()[0]));
        }
        return made;
    }

    // --- The handler ---------------------------------------------------------------------------

    /** The variables of the function, which one that waits has not until it is told. */
    private static Map<String, String> environment;

    private static String variable(String name) {
        String value = environment.get(name);
        return value == null ? "" : value;
    }

    /** The context object, where the function brings its interface. */
    private static Object context(ClassLoader loader, Map<String, String> headers) throws Exception {
        Class<?> context = loader.loadClass(CORE + "Context");
        Class<?> logger = loader.loadClass(CORE + "LambdaLogger");
        Map<String, Object> values = new HashMap<>();
        values.put("getAwsRequestId", headers.get("lambda-runtime-aws-request-id"));
        values.put("getInvokedFunctionArn", headers.get("lambda-runtime-invoked-function-arn"));
        values.put("getFunctionName", variable("AWS_LAMBDA_FUNCTION_NAME"));
        values.put("getFunctionVersion", variable("AWS_LAMBDA_FUNCTION_VERSION"));
        values.put("getLogGroupName", variable("AWS_LAMBDA_LOG_GROUP_NAME"));
        values.put("getLogStreamName", variable("AWS_LAMBDA_LOG_STREAM_NAME"));
        values.put("getMemoryLimitInMB", Integer.valueOf(variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")));
        values.put("getLogger", Proxy.newProxyInstance(loader, new Class<?>[] {logger}, new Logger()));
        long deadline = Long.parseLong(headers.getOrDefault("lambda-runtime-deadline-ms", "0"));
        return Proxy.newProxyInstance(loader, new Class<?>[] {context}, new Context(values, deadline));
    }

    private static final class Logger implements InvocationHandler {
        @Override
        public Object invoke(Object proxy, Method method, Object[] given) throws Throwable {
            if (!method.getName().equals("log")) return method.invoke(Bootstrap.class, given);
            Object message = given[0];
            String text = message instanceof byte[] ? new String((byte[]) message, StandardCharsets.UTF_8) : String.valueOf(message);
            System.out.println((text.endsWith("\n") ? text.substring(0, text.length() - 1) : text).replace('\n', '\r'));
            return null;
        }
    }

    private static final class Context implements InvocationHandler {
        private final Map<String, Object> values;
        private final long deadline;

        Context(Map<String, Object> values, long deadline) {
            this.values = values;
            this.deadline = deadline;
        }

        @Override
        public Object invoke(Object proxy, Method method, Object[] given) {
            if (method.getName().equals("getRemainingTimeInMillis")) {
                return (int) Math.max(0, deadline - System.currentTimeMillis());
            }
            if (method.getName().equals("toString")) return "Context(" + values.get("getAwsRequestId") + ")";
            return values.get(method.getName());
        }
    }

    private static Method find(Class<?> type, String name) throws NoSuchMethodException {
        Method best = null;
        for (Method method : type.getMethods()) {
            if (!method.getName().equals(name) || method.isBridge() || method.isSynthetic()) continue;
            // Of several the one with the most parameters is AWS's choice.
            if (best == null || method.getParameterCount() > best.getParameterCount()) best = method;
        }
        if (best == null) throw new NoSuchMethodException("No public method named " + name + " on class " + type);
        best.setAccessible(true);
        return best;
    }

    private static byte[] invoke(Object handler, Method method, Answer invocation) throws Exception {
        Type[] types = method.getGenericParameterTypes();
        Object[] given = new Object[types.length];
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        boolean streams = false;
        for (int i = 0; i < types.length; i++) {
            Class<?> type = raw(types[i]);
            if (type == InputStream.class) given[i] = new ByteArrayInputStream(invocation.body);
            else if (type == OutputStream.class) {
                given[i] = written;
                streams = true;
            } else if (type.getName().equals(CORE + "Context")) given[i] = context(type.getClassLoader(), invocation.headers);
            else given[i] = convert(Reader.read(new String(invocation.body, StandardCharsets.UTF_8)), types[i]);
        }
        Object result = method.invoke(Modifier.isStatic(method.getModifiers()) ? null : handler, given);
        if (streams) return written.toByteArray();
        StringBuilder out = new StringBuilder();
        write(out, result, 0);
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static Map<String, Object> describe(Throwable error, int depth) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("errorMessage", String.valueOf(error.getMessage()));
        told.put("errorType", error.getClass().getName());
        List<String> trace = new ArrayList<>();
        for (StackTraceElement element : error.getStackTrace()) {
            if (element.getClassName().startsWith("elysium.")) break;
            trace.add(element.toString());
        }
        told.put("stackTrace", trace);
        if (error.getCause() != null && depth < 10) told.put("cause", describe(error.getCause(), depth + 1));
        return told;
    }

    private static byte[] document(Throwable error) throws Exception {
        StringBuilder out = new StringBuilder();
        Map<String, Object> told = describe(error, 0);
        write(out, told, 0);
        StringBuilder line = new StringBuilder(told.get("errorMessage") + ": " + told.get("errorType") + "\r");
        line.append(told.get("errorType")).append(": ").append(told.get("errorMessage"));
        for (Object at : (List<?>) told.get("stackTrace")) line.append("\r\tat ").append(at);
        System.out.println(line.toString().replace('\n', '\r'));
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** With the variables of a function: finds its handler and runs it until there are no more invocations. */
    static void run(RuntimeApi api, Map<String, String> variables) throws Exception {
        environment = variables;
        String named = variable("_HANDLER");
        int end = named.indexOf("::");
        String of = end < 0 ? named : named.substring(0, end);
        Object handler;
        Method method;
        try {
            Class<?> type = Class.forName(of);
            method = find(type, end < 0 ? "handleRequest" : named.substring(end + 2));
            handler = Modifier.isStatic(method.getModifiers()) ? null : type.getConstructor().newInstance();
        } catch (Throwable thrown) {
            Throwable error = thrown instanceof InvocationTargetException ? thrown.getCause() : thrown;
            if (error instanceof ClassNotFoundException) error = new ClassNotFoundException("Class not found: " + of);
            api.post(VERSION + "/init/error", document(error), error.getClass().getName());
            System.exit(1);
            return;
        }
        serve(api, handler, method);
    }

    private static void serve(RuntimeApi api, Object handler, Method method) throws Exception {
        while (true) {
            Answer invocation = api.get(VERSION + "/invocation/next");
            if (invocation.status != 200) return;
            String path = VERSION + "/invocation/" + invocation.headers.get("lambda-runtime-aws-request-id");
            String trace = invocation.headers.get("lambda-runtime-trace-id");
            if (trace != null) System.setProperty("com.amazonaws.xray.traceHeader", trace);
            try {
                api.post(path + "/response", invoke(handler, method, invocation), null);
            } catch (IOException broken) {
                throw broken;
            } catch (Throwable thrown) {
                Throwable error = thrown instanceof InvocationTargetException ? thrown.getCause() : thrown;
                api.post(path + "/error", document(error), error.getClass().getName());
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        String how = arguments.length == 0 ? "" : arguments[0];
        if (how.equals("rehearse")) {
            Rehearsal.run();
        } else if (how.equals("wait")) {
            Waiting.run();
        } else {
            Map<String, String> variables = System.getenv();
            run(new RuntimeApi(variables.get("AWS_LAMBDA_RUNTIME_API")), variables);
        }
    }
}
