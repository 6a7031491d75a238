import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Kafka's own producer with its own partitioner: what a shop's Java program does that knows nothing of the daemon.
 *
 * <p>Takes the brokers as its argument. Each line of the standard input is a record, TOPIC KEY VALUE parted by tabs; an empty KEY is none. Prints how many
 * were acknowledged; exit 1 where one was not.
 */
public class Produce {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("key.serializer", StringSerializer.class.getName());
        properties.put("value.serializer", StringSerializer.class.getName());

        AtomicInteger acknowledged = new AtomicInteger();
        AtomicReference<Exception> failure = new AtomicReference<>();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties);
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line; (line = in.readLine()) != null; ) {
                String[] fields = line.split("\t", 3);
                String key = fields[1].isEmpty() ? null : fields[1];
                producer.send(new ProducerRecord<>(fields[0], key, fields[2]), (metadata, exception) -> {
                    if (exception == null) {
                        acknowledged.incrementAndGet();
                    } else {
                        failure.compareAndSet(null, exception);
                    }
                });
            }
        }
        if (failure.get() != null) {
            System.err.println("not acknowledged: " + failure.get());
            System.exit(1);
        }
        System.out.println(acknowledged.get());
    }
}
