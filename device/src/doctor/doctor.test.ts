import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer } from './command.js';
import { examine } from './examine.js';
import { type Finding, lineOf } from './finding.js';
import { ended, type Fixture, withMachine } from './fixtures/fixture.js';
import { ORIN } from './fixtures/orin.js';
import { PC } from './fixtures/pc.js';
import { SICK } from './fixtures/sick.js';
import type { LoadRuntime } from './look/software.js';

const GPU = ['TensorrtExecutionProvider', 'CUDAExecutionProvider', 'CPUExecutionProvider'];
const runtime = (providers = GPU): ReturnType<LoadRuntime> => ({
  library: '/opt/onnxruntime/lib/libonnxruntime.so',
  version: '1.23.0',
  availableProviders: () => providers,
});
const look = (fixture: Fixture, load: LoadRuntime = () => runtime()) =>
  withMachine(fixture, (machine) => examine(machine, undefined, load));
const linesOf = async (fixture: Fixture, load?: LoadRuntime) => (await look(fixture, load)).map(lineOf);
const of = (findings: readonly Finding[], what: string) => findings.filter((finding) => finding.what === what);

/** The fixture with some files replaced or, where there is no text, taken away. */
function but({ files, commands }: Fixture, changed: Record<string, string | undefined>, answers = {}): Fixture {
  const rest = Object.entries({ ...files, ...changed }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return { files: Object.fromEntries(rest), commands: { ...commands, ...answers } };
}

describe('doctor', () => {
  it('finds nothing wrong with a healthy Jetson Orin, and says what it is', async () => {
    expect(await linesOf(ORIN)).toEqual([
      'ok       device: NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super',
      'ok       JetPack: JetPack 6.2+b77, L4T 36.4.3',
      'ok       CUDA: 12.6.11 in /usr/local/cuda, libcudart.so.12.6.68 in /usr/local/cuda/targets/aarch64-linux/lib',
      'ok       TensorRT: libnvinfer.so.10.3.0 in /usr/lib/aarch64-linux-gnu',
      'ok       NVIDIA driver: 540.4.0',
      'ok       power mode: MAXN_SUPER (mode 2)',
      'ok       clocks: cpu0 1728 to 1728 MHz, now 1728 MHz (schedutil); cpu4 1728 to 1728 MHz, now 1728 MHz (schedutil); ' +
        '17000000.gpu 1020 to 1020 MHz, now 1020 MHz (nvhost_podgov); memory now 3199 MHz',
      'ok       memory: 5182 of 7620 MiB free',
      'ok       swap: 3810 of 3810 MiB free',
      'ok       disk space: 190508 MiB free on / (/dev/nvme0n1p1, 14 % used)',
      'ok       disk wear: mmcblk0 G1M15L, 10 to 20 % of its life used',
      'ok       disk wear: nvme0 Samsung SSD 980 250GB, 3 % of its life used',
      'ok       temperature: cpu-thermal 49, gpu-thermal 50, tj-thermal 50 °C',
      'ok       clock synchronised: yes, says timedatectl',
      'ok       ONNX Runtime: 1.23.0 (Tensorrt, CUDA, CPU), /opt/onnxruntime/lib/libonnxruntime.so',
      `ok       Node: ${process.version}`,
    ]);
  });

  it('asks nothing of a PC that only a Jetson has', async () => {
    expect(await linesOf(PC, () => runtime(['CPUExecutionProvider']))).toEqual([
      'ok       device: Dell Inc. OptiPlex 7090',
      '-        JetPack: no Jetson',
      '-        CUDA: no libcudart in the usual folders',
      '-        TensorRT: no libnvinfer in the usual folders',
      '-        NVIDIA driver: no driver for an NVIDIA GPU is loaded',
      '-        power mode: no Jetson',
      'ok       clocks: cpu0 800 to 4600 MHz, now 1800 MHz (powersave)',
      'ok       memory: 12018 of 15825 MiB free',
      '-        swap: none',
      'ok       disk space: 394863 MiB free on / (/dev/mapper/debian--vg-root, 12 % used)',
      '-        disk wear: no eMMC and no NVMe disk here',
      'ok       temperature: acpitz 28, x86_pkg_temp 45 °C',
      'ok       clock synchronised: yes, says chronyc',
      'ok       ONNX Runtime: 1.23.0 (CPU), /opt/onnxruntime/lib/libonnxruntime.so',
      `ok       Node: ${process.version}`,
    ]);
  });

  it('names everything that ails a sick device, with what to do', async () => {
    const findings = await look(SICK, () => {
      throw new Error('There is no ONNX Runtime library');
    });
    const faults = findings.filter(({ level }) => level === 'fault').map(({ what }) => what);
    expect(faults).toEqual(['memory', 'disk space', 'disk wear', 'temperature', 'ONNX Runtime']);
    const warnings = findings.filter(({ level }) => level === 'warning').map(({ what }) => what);
    expect(warnings).toEqual(['power mode', 'clocks', 'swap', 'disk wear', 'clock synchronised']);
    for (const { level, remedy } of findings)
      expect(remedy !== undefined).toBe(level === 'warning' || level === 'fault');
    expect(findings.map(lineOf).join('\n')).toMatch(
      new RegExp(
        [
          'ok {7}JetPack: JetPack 6, L4T 36.4.3; package nvidia-jetpack: dpkg-query ended with status 1 .*no packages found',
          'power mode: 15W \\(mode 0\\); MAXN_SUPER is faster; remedy: sudo nvpmodel -m 2',
          'clocks: .*jetson_clocks --show ended with status 1 \\(Please run this as root!\\); held down by heat: cpu-throttle-alert, cpufreq-cpu0',
          'FAULT {4}memory: 79 of 7620 MiB free',
          'FAULT {4}disk space: 0 MiB free on / .*remedy: sudo apt clean',
          'FAULT {4}disk wear: mmcblk0 G1M15L, past the end of its life, 90 % of its spare blocks used',
          'warning  disk wear: nvme0 .*97 % of its life used',
          'FAULT {4}temperature: cpu-thermal 101, .*cpu-thermal is about to shut the device down',
          'warning  clock synchronised: no, says timedatectl; it is 20.*remedy: sudo timedatectl set-ntp true',
        ].join('[^]*'),
      ),
    );
  });

  it('finds nothing out and nothing wrong where nothing can be read', async () => {
    const findings = await look({ files: {}, commands: {} }, () => runtime(['CPUExecutionProvider']));
    const known = findings.filter(({ level }) => level !== 'none').map(({ what }) => what);
    expect(known).toEqual(['ONNX Runtime', 'Node']);
    expect(findings.map(lineOf)).toContain(
      '-        clock synchronised: not known: timedatectl is not installed; chronyc is not installed',
    );
  });

  it('leaves the clock of a container to its host', async () => {
    const { 'chronyc -n tracking': _, ...commands } = PC.commands;
    const [finding] = of(await look({ ...PC, commands }), 'clock synchronised');
    expect(finding).toMatchObject({ level: 'none', text: expect.stringMatching(/not been booted with systemd/) });
  });

  it('says which command hangs', async () => {
    const late: Answer = { state: 'late' };
    const commands = Object.fromEntries(Object.keys(ORIN.commands).map((line) => [line, late]));
    const lines = (await linesOf({ ...ORIN, commands })).join('\n');
    expect(lines).toMatch(/warning {2}power mode: nvpmodel -q gave no answer within 3 s; remedy: sudo nvpmodel -q/);
    expect(lines).toMatch(/warning {2}disk space: \.: df gave no answer within 3 s; remedy: df -P -k \./);
    expect(lines).toMatch(/warning {2}clock synchronised: not known: timedatectl gave no answer within 3 s/);
    expect(lines).toMatch(/ok {7}clocks: .*jetson_clocks --show gave no answer/);
  });

  it('never throws, whatever files and commands hold', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '0x', '-1', '9'.repeat(400), '{"cuda":1}', '% % %'),
    );
    const commands = fc.record(
      Object.fromEntries(Object.keys(ORIN.commands).map((line) => [line, text.map((t) => ended(t))])),
    );
    const files = fc.record(Object.fromEntries(Object.keys(ORIN.files).map((path) => [path, text])));
    await fc.assert(
      fc.asyncProperty(files, commands, async (changed, answers) => {
        const lines = await linesOf(but(ORIN, changed, answers));
        expect(lines.length).toBeGreaterThanOrEqual(15);
        for (const line of lines) expect(line).toMatch(/^(ok|warning|FAULT|-) +[A-Za-z ]+: \P{Cc}*$/u);
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    ['nv_tegra_release', { '/etc/nv_tegra_release': 'R thirty-six' }, 'JetPack', /nv_tegra_release cannot be read$/],
    ['version.json', { '/usr/local/cuda/version.json': '{"cuda":' }, 'CUDA', /version\.json cannot be read$/],
    ['driver version', { '/proc/driver/nvidia/version': 'NVRM' }, 'NVIDIA driver', /cannot be read$/],
    ['meminfo', { '/proc/meminfo': 'MemTotal: lots' }, 'memory', /meminfo cannot be read$/],
    ['life_time', { '/sys/block/mmcblk0/device/life_time': 'young' }, 'disk wear', /life_time cannot be read$/],
  ])('says so where %s holds something else', async (_, changed, what, text) => {
    const [finding] = of(await look(but(ORIN, changed)), what);
    expect(finding).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(text),
      remedy: expect.stringMatching(/^cat /),
    });
  });

  it('warns of what a Jetson lacks for its GPU', async () => {
    const bare = Object.keys(ORIN.files).filter((path) => /libcudart|libnvinfer|version/.test(path));
    const findings = await look(but(ORIN, Object.fromEntries(bare.map((path) => [path, undefined]))), () =>
      runtime(['CPUExecutionProvider']),
    );
    expect(of(findings, 'CUDA')[0]).toMatchObject({ level: 'warning', remedy: 'sudo apt install nvidia-jetpack' });
    expect(of(findings, 'TensorRT')[0]).toMatchObject({ level: 'warning', remedy: 'sudo apt install nvidia-jetpack' });
    expect(of(findings, 'ONNX Runtime')[0]).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(/without the GPU/),
    });
  });

  it('warns of an old JetPack, of clocks that wait for load, and of a library that was passed over', async () => {
    const policy = '/sys/devices/system/cpu/cpufreq/policy0';
    const fixture = but(ORIN, {
      '/etc/nv_tegra_release': '# R32 (release), REVISION: 7.4, GCID: 1, BOARD: t186ref\n',
      [`${policy}/scaling_min_freq`]: '729600\n',
    });
    const findings = await look(fixture, (log) => {
      log('/usr/local/lib/libonnxruntime.so cannot be used');
      return runtime();
    });
    expect(of(findings, 'JetPack')[0]).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(/older than JetPack 5/),
    });
    expect(of(findings, 'clocks')[0]).toMatchObject({ level: 'warning', remedy: 'sudo jetson_clocks' });
    expect(of(findings, 'ONNX Runtime')[0]).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(/cannot be used/),
    });
  });

  it('reads a GPU below /sys/devices, and the Jetson driver of JetPack 5', async () => {
    const gpu = '/sys/devices/17000000.ga10b/devfreq/17000000.ga10b';
    const own = Object.keys(ORIN.files).filter((path) => /devfreq|driver\/nvidia/.test(path));
    const findings = await look(
      but(ORIN, {
        ...Object.fromEntries(own.map((path) => [path, undefined])),
        [`${gpu}/cur_freq`]: '306000000\n',
        '/sys/module/nvgpu/refcnt': '12\n',
      }),
    );
    expect(of(findings, 'clocks')[0]?.text).toMatch(/17000000\.ga10b now 306 MHz/);
    expect(of(findings, 'NVIDIA driver')[0]).toMatchObject({ level: 'ok', text: 'nvgpu, part of L4T' });
  });
});
