// A JVM that has begun, and waits to be told which function it runs: its variables, and where its classes are.
//
// The variables of a process lie in its memory, from where the JDK copies them when they are first asked for, and from
// where every program that it starts has them. They are put there before anybody asks. What that needs of the JDK is
// exported to this program alone by its manifest.

package elysium;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

final class Waiting {
    /** Where the number of arguments lies, counted from the end of the program's name in `/proc/self/stat`. */
    private static final int START_OF_STACK = 25;
    private static final int WORD = 8;

    private final Object unsafe;
    private final Method allocate;
    private final Method copy;
    private final long offset;
    private final long wordsOffset;
    /** The words that point at variables, ended by one that is zero. */
    private final long pointers;
    private final int places;

    /** Finds where variables lie, which are these. */
    private Waiting(String[] variables) throws Exception {
        Class<?> type = Class.forName("jdk.internal.misc.Unsafe");
        unsafe = type.getMethod("getUnsafe").invoke(null);
        allocate = type.getMethod("allocateMemory", long.class);
        copy = type.getMethod("copyMemory", Object.class, long.class, Object.class, long.class, long.class);
        offset = ((Number) type.getField("ARRAY_BYTE_BASE_OFFSET").get(null)).longValue();
        wordsOffset = ((Number) type.getField("ARRAY_LONG_BASE_OFFSET").get(null)).longValue();
        String stat = read("/proc/self/stat");
        int at = stat.lastIndexOf(')') + 1;
        for (int i = 0; i < START_OF_STACK; i++) at = stat.indexOf(' ', at + 1);
        long stack = Long.parseLong(stat.substring(at + 1, stat.indexOf(' ', at + 1)));
        long arguments = words(stack, 1)[0];
        pointers = stack + WORD * (arguments + 2);
        places = variables.length;
        long[] found = words(pointers, places + 1);
        byte[] first = new byte[variables[0].length()];
        if (found[0] != 0) copy.invoke(unsafe, null, found[0], first, offset, (long) first.length);
        if (found[places] != 0 || !new String(first, StandardCharsets.ISO_8859_1).equals(variables[0])) {
            throw new IllegalStateException("variables are not where they are expected");
        }
    }

    private long[] words(long address, int count) throws Exception {
        long[] words = new long[count];
        copy.invoke(unsafe, null, address, words, wordsOffset, (long) WORD * count);
        return words;
    }

    /** Makes the variables of this process these. */
    private void assume(Map<String, String> variables) throws Exception {
        if (variables.size() > places) throw new IllegalStateException("there are too many variables");
        ByteArrayOutputStream texts = new ByteArrayOutputStream();
        long[] words = new long[variables.size() + 1];
        int at = 0;
        for (Map.Entry<String, String> variable : variables.entrySet()) {
            words[at++] = texts.size();
            texts.write((variable.getKey() + "=" + variable.getValue()).getBytes(StandardCharsets.UTF_8));
            texts.write(0);
        }
        byte[] bytes = texts.toByteArray();
        // Never given back: they are there as long as the process.
        long place = (Long) allocate.invoke(unsafe, (long) bytes.length + 1);
        for (int i = 0; i < at; i++) words[i] += place;
        copy.invoke(unsafe, bytes, offset, null, place, (long) bytes.length);
        copy.invoke(unsafe, words, wordsOffset, null, pointers, (long) WORD * words.length);
    }

    private static String read(String file) throws IOException {
        try (InputStream in = new FileInputStream(file)) {
            return new String(read(in), StandardCharsets.ISO_8859_1);
        }
    }

    /** All that comes until its end. */
    private static byte[] read(InputStream in) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] piece = new byte[8192];
        for (int read = in.read(piece); read > 0; read = in.read(piece)) all.write(piece, 0, read);
        return all.toByteArray();
    }

    /** Archives of a folder, in the order of AWS's runtime: by their names. */
    private static void addArchives(List<String> places, String folder) {
        String[] names = new File(folder).list();
        if (names == null) return;
        Arrays.sort(names);
        for (String name : names) {
            if (name.endsWith(".jar") || name.endsWith(".JAR")) places.add(folder + "/" + name);
        }
    }

    /** Lets classes be found in more places by the loader that has loaded this one. */
    private static final class ClassPath {
        private final ClassLoader loader = ClassLoader.getSystemClassLoader();
        private final Method append;

        ClassPath() throws Exception {
            append = loader.getClass().getDeclaredMethod("appendToClassPathForInstrumentation", String.class);
            append.setAccessible(true);
        }

        void add(List<String> places) throws Exception {
            StringBuilder all = new StringBuilder(System.getProperty("java.class.path"));
            for (String place : places) {
                append.invoke(loader, place);
                all.append(File.pathSeparatorChar).append(place);
            }
            System.setProperty("java.class.path", all.toString());
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> told(byte[] text) {
        return (Map<String, Object>) Bootstrap.Reader.read(new String(text, StandardCharsets.UTF_8));
    }

    /** The value of a variable that this process began with; nobody may ask the JDK for it yet. */
    private static String value(String[] variables, String name) {
        for (String each : variables) {
            if (each.startsWith(name) && each.charAt(name.length()) == '=') return each.substring(name.length() + 1);
        }
        throw new IllegalStateException("there is no variable " + name);
    }

    /** Waits and runs. */
    static void run() throws Exception {
        Rehearsal.run();
        String[] begunWith = read("/proc/self/environ").split("\0");
        Waiting waiting = new Waiting(begunWith);
        ClassPath path = new ClassPath();
        Map<String, String> rehearsed = new HashMap<>();
        rehearsed.put("A", "b");
        for (int i = 0; i < 3; i++) waiting.assume(rehearsed);
        told("{\"environment\":{\"a\":\"b\"},\"folder\":\"/\"}".getBytes(StandardCharsets.UTF_8));
        addArchives(new ArrayList<String>(), "/");
        Bootstrap.RuntimeApi api = new Bootstrap.RuntimeApi(value(begunWith, "AWS_LAMBDA_RUNTIME_API"));
        Map<String, Object> told = told(read(System.in));
        Map<String, String> variables = new HashMap<>();
        for (Map.Entry<?, ?> each : ((Map<?, ?>) told.get("environment")).entrySet()) {
            variables.put((String) each.getKey(), (String) each.getValue());
        }
        waiting.assume(variables);
        // What they hold is told by the letters of the machine's language, as by every JVM.
        if (!System.getenv().keySet().equals(variables.keySet())) throw new IllegalStateException("variables were not put where they are read");
        String code = (String) told.get("folder");
        List<String> places = new ArrayList<>();
        places.add(code);
        addArchives(places, code + "/lib");
        addArchives(places, "/opt/java/lib");
        path.add(places);
        Bootstrap.run(api, System.getenv());
    }
}
