// SPDX-License-Identifier: MIT
// ReadRows - prints every row of each Parquet file, as foreign.py wants it
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.StringJoiner;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;

public class ReadRows {
    private static String line(Group row) throws Exception {
        byte[] value = row.getBinary("data", 0).getBytes();
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(value);
        Group shape = row.getGroup("shape", 0);
        StringJoiner dims = new StringJoiner(",", "[", "]");

        for (int i = 0; i < shape.getFieldRepetitionCount("list"); i++)
            dims.add(Integer.toString(shape.getGroup("list", i).getInteger("element", 0)));
        return HexFormat.of().formatHex(digest) + " " + row.getLong("num_params", 0) + " "
            + row.getString("dtype", 0) + " " + dims + " " + row.getString("layer_name", 0);
    }

    public static void main(String[] paths) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        Configuration configuration = new Configuration();

        configuration.setBoolean("parquet.page.verify-checksum.enabled", true);
        for (String path : paths) {
            out.println("file " + path);
            try (ParquetReader<Group> reader =
                     ParquetReader.builder(new GroupReadSupport(), new Path(path))
                         .withConf(configuration)
                         .build()) {
                for (Group row = reader.read(); row != null; row = reader.read())
                    out.println(line(row));
            } catch (Exception error) {
                out.println("error " + error);
            }
        }
        out.flush();
    }
}
