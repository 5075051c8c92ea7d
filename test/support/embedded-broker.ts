import { type AddressInfo, createServer } from 'node:net';
import { Aedes } from 'aedes';

/**
 * An MQTT 3.1.1 broker in this process, on loopback.
 * @param port 0: any free one
 * @param admits whether a client may connect now
 */
export async function startEmbeddedBroker(port = 0, admits = () => true) {
  const aedes = await Aedes.createBroker({ authenticate: (_client, _user, _password, done) => done(null, admits()) });
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: listening } = server.address() as AddressInfo;
  const close = async () => {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: listening, url: `mqtt://127.0.0.1:${listening}`, close };
}
