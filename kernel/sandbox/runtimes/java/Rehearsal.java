// What every function's first invocation does, done once ahead with a function of ours against a Runtime API of a few
// lines: what is loaded by then goes into an archive of classes, or has been loaded where it waits.

package elysium;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

final class Rehearsal {
    private static final String EVENT = "{\"a\":[\"b\",1,2.5,null],\"c\":{\"d\":true}}";
    private static final String INVOCATION =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: rehearsal\r\n"
                    + "Lambda-Runtime-Deadline-Ms: 1\r\nLambda-Runtime-Invoked-Function-Arn: a\r\n"
                    + "Lambda-Runtime-Trace-Id: t\r\nContent-Length: " + EVENT.length() + "\r\n\r\n" + EVENT;
    private static final String TAKEN = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    private static final String NO_MORE = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
    private static final String TRACE = "com.amazonaws.xray.traceHeader";
    private static final int TIMES = 3;

    private Rehearsal() {}

    /** The function. */
    public static final class Function {
        public Object handle(Map<String, Object> event) {
            return event;
        }
    }

    /** Answers each request for an invocation with one, as often as that is rehearsed, and takes what is posted. */
    private static final class Answering extends Thread {
        private final ServerSocket server;

        Answering(ServerSocket server) {
            this.server = server;
            setDaemon(true);
        }

        @Override
        public void run() {
            try (Socket socket = server.accept()) {
                byte[] bytes = new byte[8192];
                InputStream in = socket.getInputStream();
                int asked = 0;
                for (int read = in.read(bytes); read > 0; read = in.read(bytes)) {
                    boolean posted = bytes[0] == 'P';
                    if (!posted) asked++;
                    String answer = posted ? TAKEN : asked > TIMES ? NO_MORE : INVOCATION;
                    socket.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
                }
            } catch (IOException over) {
                // So is the rehearsal.
            }
        }
    }

    static void run() throws Exception {
        Map<String, String> variables = new HashMap<>();
        variables.put("_HANDLER", "elysium.Rehearsal$Function::handle");
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
            new Answering(server).start();
            Bootstrap.RuntimeApi api = new Bootstrap.RuntimeApi("127.0.0.1:" + server.getLocalPort());
            Bootstrap.run(api, variables);
            api.close();
        }
        System.clearProperty(TRACE);
    }
}
