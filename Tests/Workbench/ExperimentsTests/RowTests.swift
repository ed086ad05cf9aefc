import Configuration
import Experiments
import ProtocolList
import Replication
import Testing

@Test("A row is a protocol, or a named configuration of one with options of its own")
func configurations() throws {
  let read = try experiment(
    """
    { options: { raft: { heartbeat: '20ms', preVote: true } },
      protocols: ['raft', { name: 'calm', protocol: 'raft', options: { preVote: false } },
        { name: 'large', protocol: 'raft', replicas: 5 }] }
    """)
  #expect(read.contenders.map(\.name) == ["raft", "calm", "large"])
  #expect(read.protocols.map(\.kind) == [.raft, .raft, .raft])
  #expect(read.protocols.map(\.replicas) == [3, 3, 5])
  #expect(read.protocols.map { $0.options.flag("preVote") } == [true, false, true])
  // Options that a row does not set have the values shared by all rows of its protocol.
  #expect(
    read.protocols.map { $0.options.interval("heartbeat") }
      == Array(repeating: .milliseconds(20), count: 3))
}

@Test("A sweep over the options of a protocol affects the rows that do not set them")
func sweptOptions() throws {
  let points = try plan(
    """
    { protocols: ['raft', { name: 'calm', protocol: 'raft', options: { preVote: false } }],
      sweep: { 'options.raft.heartbeat': ['20ms', '30ms'], 'options.raft.preVote': [true, false] } }
    """
  ).points
  #expect(
    points.map { $0.experiment.protocols.map { $0.options.flag("preVote") } } == [
      [true, false], [false, false], [true, false], [false, false],
    ])
  #expect(
    points[2].experiment.protocols.map { $0.options.interval("heartbeat") } == [
      .milliseconds(30), .milliseconds(30),
    ])
}

@Test("A fault's target has to exist in the smallest row")
func smallestRow() {
  let text = """
    { replicas: 5, protocols: ['raft', { name: 'small', protocol: 'raft', replicas: 3 }],
      faults: [{ at: '1s', crash: 4 }] }
    """
  #expect(refusal(text).contains("faults[0].crash: found 4, allowed a replica number 0...2"))
}
