export { type Clock, virtualClock } from './clock.js';
export { FakeDriver } from './fake-driver.js';
export {
  CONTROLS,
  type FakeControl,
  type FakeDevice,
  type FakeFormat,
  type Fault,
  fakeDevice,
  MULTI_PLANAR,
  type Scenario,
  SINGLE_PLANAR,
  scenario,
} from './scenario.js';
export { spawnFake } from './spawn.js';
