/** Starts Trino, whose own launcher is not on Maven Central. The settings are in the file that -Dconfig names. */
public class Start {
    public static void main(String[] arguments) {
        new io.trino.server.Server().start(arguments[0]);
    }
}
