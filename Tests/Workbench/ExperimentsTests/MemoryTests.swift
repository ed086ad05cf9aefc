import Configuration
import Testing

@testable import Experiments

private func need(_ text: String, jobs: Int = 1) throws -> MemoryNeed {
  try plan(text).memoryNeed(jobs: jobs)
}

@Test("An open loop needs memory for the operations that come due and for written values")
func memoryOfOpenLoop() throws {
  let open = "probe: 'off', duration: '100s', workload: { arrival: { open: '1000/s' }, keys: 1"
  let reads = try need("{ \(open), mix: { get: 1 } } }")
  #expect(reads.operations == 100_000)
  let writes = try need("{ \(open), mix: { put: 1 }, valueSize: '1000B' } }")
  #expect(writes.operations == 100_000)
  #expect(writes.trialByteCount - reads.trialByteCount > 0.99 * 100_000 * 1000)
  let varying = try need(
    "{ \(open), mix: { put: 1 }, valueSize: { weighted: [['500B', 3], ['2500B', 1]] } } }")
  #expect(varying.trialByteCount == writes.trialByteCount)
  let appends = try need("{ \(open), mix: { append: 1 }, valueSize: '1000B' } }")
  #expect(appends.trialByteCount > 3.5 * writes.trialByteCount)
  let crashes = try need(
    "{ \(open), mix: { put: 1 } }, faults: [{ at: '2s', crash: 'leader', for: '1s' }] }")
  let none = try need("{ \(open), mix: { put: 1 } } }")
  #expect(crashes.trialByteCount > none.trialByteCount)
}

@Test("A closed loop has at most the operations that clients, disks and processors allow")
func memoryOfClosedLoop() throws {
  func operations(_ workload: String, _ rest: String = "") throws -> Double {
    try need("{ probe: 'off', warmUp: '0s', duration: '1s', \(rest) workload: { \(workload) } }")
      .operations
  }
  // Round trips take 200 us, and reads need no disk.
  let one = try operations("clients: 1, mix: { get: 1 }")
  #expect((4_900...5_100).contains(one))
  #expect(try operations("clients: 2, mix: { get: 1 }") == 2 * one)
  // With a sync of 1 ms, and then also with a pause.
  #expect((800...840).contains(try operations("clients: 1, mix: { put: 1 }")))
  #expect((450...460).contains(try operations("clients: 1, mix: { put: 1 }, thinkTime: '1ms'")))
  // 4 us to receive, 4 us to answer, 1 us to execute.
  let many = try operations("clients: 5000, mix: { get: 1 }", "protocols: ['raft'],")
  #expect((110_000...112_000).contains(many))
}

@Test("Large values share one interface, and a closed loop is refused only by its certain need")
func memoryOfLargeValues() throws {
  let text = """
    { protocols: ['raft'], replicas: 5, network: { nic: '200Mbps' }, probe: 'off', duration: '10s',
      workload: { clients: 64, mix: { put: 1 }, keys: 64, valueSize: '64KiB' } }
    """
  let large = try need(text)
  #expect((3_700...3_900).contains(large.operations))
  #expect(large.certainTrialByteCount == large.trialByteCount / 3)
  #expect(throws: Never.self) {
    try large.check(against: large.trialByteCount / 2, file: "x.json5")
  }
}

@Test("The need is that of the largest trial times the number of trials at once")
func memoryOfSweep() throws {
  let text = """
    { protocols: ['raft'], trials: 2, workload: { arrival: { open: '1000/s' } },
      sweep: { duration: ['10s', '1000s'] } }
    """
  let one = try need(text)
  #expect(one.operations > 1e6 && one.trialsAtOnce == 1)
  #expect(try need(text, jobs: 3).byteCount == 3 * one.byteCount)
  #expect(try need(text, jobs: 99).byteCount == 4 * one.byteCount)
}

@Test("A small need prints no line, and a need beyond the machine's memory is refused in one")
func memoryRefusal() throws {
  #expect(try !need("{}", jobs: 2).isLarge)
  let large = try need(
    "{ protocols: ['raft'], duration: '1000s', workload: { arrival: { open: '10000/s' } } }",
    jobs: 2)
  #expect(large.isLarge)
  #expect(throws: Never.self) { try large.check(against: large.byteCount, file: "x.json5") }
  let error = #expect(throws: ExperimentError.self) {
    try large.check(against: large.byteCount - 1, file: "x.json5")
  }
  let line = try #require(error).description
  #expect(line.hasPrefix("x.json5: duration: found a trial with up to 10.4 million operations"))
  #expect(line.contains("2 at a time") && !line.contains("\n"))
}
