import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Security;
import java.util.Date;
import java.util.Iterator;
import java.util.List;
import org.bouncycastle.bcpg.ArmoredOutputStream;
import org.bouncycastle.bcpg.CompressionAlgorithmTags;
import org.bouncycastle.bcpg.HashAlgorithmTags;
import org.bouncycastle.bcpg.PublicKeyPacket;
import org.bouncycastle.bcpg.SymmetricKeyAlgorithmTags;
import org.bouncycastle.bcpg.sig.KeyFlags;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openpgp.*;
import org.bouncycastle.openpgp.jcajce.JcaPGPObjectFactory;
import org.bouncycastle.openpgp.operator.PGPDigestCalculator;
import org.bouncycastle.openpgp.operator.jcajce.*;

/** Bouncy Castle at work, as the examples that come with it and the products built on it use it. */
public class Seal {
    private static final int RSA = PGPPublicKey.RSA_GENERAL;

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        switch (args[0]) {
            case "key" -> key(args[1], args[2], args[3]);
            case "seal" -> seal(args[1], args[2], args[3], args[4], List.of(args).subList(5, args.length));
            case "open" -> open(args[1], args[2], args[3], args[4]);
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    private static void key(String out, String certificate, String kind) throws Exception {
        KeyPairGenerator rsa = KeyPairGenerator.getInstance("RSA", "BC");
        rsa.initialize(3072);
        Date now = new Date();
        PGPKeyPair signs = new JcaPGPKeyPair(PublicKeyPacket.VERSION_4, RSA, rsa.generateKeyPair(), now);
        PGPKeyPair opens = new JcaPGPKeyPair(PublicKeyPacket.VERSION_4, RSA, rsa.generateKeyPair(), now);
        PGPSignatureSubpacketGenerator said = new PGPSignatureSubpacketGenerator();
        PGPSignatureSubpacketGenerator saidOfSubkey = new PGPSignatureSubpacketGenerator();
        if (kind.equals("rsa")) {
            said.setKeyFlags(false, KeyFlags.CERTIFY_OTHER | KeyFlags.SIGN_DATA);
            saidOfSubkey.setKeyFlags(false, KeyFlags.ENCRYPT_COMMS | KeyFlags.ENCRYPT_STORAGE);
        }
        PGPDigestCalculator sha1 = new JcaPGPDigestCalculatorProviderBuilder().build().get(HashAlgorithmTags.SHA1);
        PGPKeyRingGenerator ring = new PGPKeyRingGenerator(
            PGPSignature.POSITIVE_CERTIFICATION, signs, "school", sha1, said.generate(), null,
            new JcaPGPContentSignerBuilder(RSA, HashAlgorithmTags.SHA256), null);
        ring.addSubKey(opens, saidOfSubkey.generate(), null);
        try (OutputStream file = new FileOutputStream(out)) {
            ring.generateSecretKeyRing().encode(file);
        }
        try (OutputStream file = new ArmoredOutputStream(new FileOutputStream(certificate))) {
            ring.generatePublicKeyRing().encode(file);
        }
    }

    private static PGPSecretKey secret(String own, boolean opens) throws Exception {
        Iterator<PGPSecretKey> keys =
            new PGPSecretKeyRing(new FileInputStream(own), new JcaKeyFingerprintCalculator()).getSecretKeys();
        PGPSecretKey first = keys.next();
        return opens ? keys.next() : first;
    }

    private static PGPPrivateKey unlocked(PGPSecretKey key) throws Exception {
        return key.extractPrivateKey(null);
    }

    private static PGPPublicKeyRing ring(String certificate) throws Exception {
        InputStream data = PGPUtil.getDecoderStream(new FileInputStream(certificate));
        return new PGPPublicKeyRingCollection(data, new JcaKeyFingerprintCalculator()).getKeyRings().next();
    }

    private static PGPPublicKey recipient(String certificate) throws Exception {
        PGPPublicKey found = null;
        for (PGPPublicKey key : ring(certificate)) {
            found = key.isEncryptionKey() && !key.isMasterKey() ? key : found;
        }
        return found;
    }

    private static void seal(String out, String own, String to, String content, List<String> how) throws Exception {
        int cipher = how.contains("3des") ? SymmetricKeyAlgorithmTags.TRIPLE_DES
            : how.contains("cast5") ? SymmetricKeyAlgorithmTags.CAST5 : SymmetricKeyAlgorithmTags.AES_256;
        PGPEncryptedDataGenerator encryption = new PGPEncryptedDataGenerator(
            new JcePGPDataEncryptorBuilder(cipher).setWithIntegrityPacket(!how.contains("no-integrity"))
                .setSecureRandom(new SecureRandom()).setProvider("BC"));
        encryption.addMethod(new JcePublicKeyKeyEncryptionMethodGenerator(recipient(to)).setProvider("BC"));
        byte[] data = Files.readAllBytes(Path.of(content));
        try (OutputStream file = new FileOutputStream(out);
             OutputStream sealed = encryption.open(file, new byte[1 << 16])) {
            if (how.contains("compressed-within")) {
                signed(sealed, own, data, true);
            } else if (how.contains("uncompressed")) {
                signed(sealed, own, data, false);
            } else {
                PGPCompressedDataGenerator zip = new PGPCompressedDataGenerator(CompressionAlgorithmTags.ZIP);
                signed(zip.open(sealed), own, data, false);
                zip.close();
            }
        }
    }

    private static void signed(OutputStream out, String own, byte[] data, boolean within) throws Exception {
        PGPSecretKey key = secret(own, false);
        PGPSignatureGenerator signer = new PGPSignatureGenerator(
            new JcaPGPContentSignerBuilder(RSA, HashAlgorithmTags.SHA256).setProvider("BC"), key.getPublicKey());
        signer.init(PGPSignature.BINARY_DOCUMENT, unlocked(key));
        signer.generateOnePassVersion(false).encode(out);
        PGPCompressedDataGenerator zip = new PGPCompressedDataGenerator(CompressionAlgorithmTags.ZIP);
        OutputStream around = within ? zip.open(out, new byte[1 << 16]) : out;
        OutputStream literal = new PGPLiteralDataGenerator().open(
            around, PGPLiteralData.BINARY, "pupils.csv", new Date(), new byte[1 << 16]);
        literal.write(data);
        literal.close();
        zip.close();
        signer.update(data);
        signer.generate().encode(out);
    }

    private static void open(String out, String own, String by, String sealed) throws Exception {
        JcaPGPObjectFactory outer = new JcaPGPObjectFactory(
            PGPUtil.getDecoderStream(new FileInputStream(sealed)));
        PGPEncryptedDataList list = (PGPEncryptedDataList) outer.nextObject();
        PGPSecretKey key = secret(own, true);
        InputStream clear = null;
        for (PGPEncryptedData one : list) {
            if (one instanceof PGPPublicKeyEncryptedData wrap && wrap.getKeyID() == key.getKeyID()) {
                clear = wrap.getDataStream(
                    new JcePublicKeyDataDecryptorFactoryBuilder().setProvider("BC").build(unlocked(key)));
            }
        }
        JcaPGPObjectFactory inner = new JcaPGPObjectFactory(clear);
        Object found = inner.nextObject();
        if (found instanceof PGPCompressedData squeezed) {
            inner = new JcaPGPObjectFactory(squeezed.getDataStream());
            found = inner.nextObject();
        }
        PGPOnePassSignature announced = ((PGPOnePassSignatureList) found).get(0);
        PGPPublicKey signer = ring(by).getPublicKey(announced.getKeyID());
        announced.init(new JcaPGPContentVerifierBuilderProvider().setProvider("BC"), signer);
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        ((PGPLiteralData) inner.nextObject()).getInputStream().transferTo(content);
        announced.update(content.toByteArray());
        if (!announced.verify(((PGPSignatureList) inner.nextObject()).get(0))) {
            throw new PGPException("the signature does not fit");
        }
        Files.write(Path.of(out), content.toByteArray());
    }
}
