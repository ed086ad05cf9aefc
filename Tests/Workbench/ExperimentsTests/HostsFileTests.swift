import Configuration
import Experiments
import Faults
import Foundation
import Primitives
import ProtocolList
import Replication
import Testing

private func hosts(_ text: String) throws -> HostsFile {
  try HostsFile.read(text: text, file: "h.json5")
}

private let three = "nodes: ['10.0.0.1:7400', '10.0.0.2:7400', '10.0.0.3:7400']"
private let raft = "{ cluster: 'bench-1', protocol: 'raft', \(three) }"
private let chain = """
  { cluster: 'bench-2', protocol: 'chain-replication', nodes: ['[::1]:7400', '127.0.0.1:7401'],
    authority: ['127.0.0.1:7500', '127.0.0.1:7501', '127.0.0.1:7502'], options: { ping: '20ms' } }
  """

@Test("A hosts file names a cluster, its protocol and its nodes")
func hostsFile() throws {
  let one = try hosts(raft)
  #expect(one.cluster == "bench-1" && one.choice.name == "raft" && one.choice.replicas == 3)
  #expect(one.addresses == ["10.0.0.1:7400", "10.0.0.2:7400", "10.0.0.3:7400"])
  #expect(one.membership == Membership(replicas: 3))
  #expect(one.choice.options.interval("heartbeat") == .milliseconds(50))
  let other = try hosts(chain)
  #expect(other.addresses.count == 5 && other.addresses[4] == "127.0.0.1:7502")
  #expect(other.membership == Membership(replicas: 2, authority: 3))
  #expect(other.choice.options.interval("ping") == .milliseconds(20))
}

@Test("A printed hosts file reads back as an equal one", arguments: [raft, chain])
func hostsText(text: String) throws {
  let first = try hosts(text)
  let second = try hosts(first.text)
  #expect(second == first && second.text == first.text)
}

private let numeric = #"a numeric address and a port, such as "127.0.0.1:7400" or "[::1]:7400""#
private let list = #"a list of addresses, such as ["127.0.0.1:7400"]"#
private let hostsExample = #"{ cluster: "bench-1", protocol: "raft", nodes: ["127.0.0.1:7400"] }"#
private let protocols = ProtocolKind.allCases.map { "\"\($0.name)\"" }.joined(separator: ", ")

@Test(
  "A mistake in a hosts file gives one line with its place",
  arguments: [
    ("", "found an empty file, allowed an object, such as \(hostsExample)"),
    ("[]", "found [], allowed an object, such as \(hostsExample)"),
    (
      "{ cluster: ",
      "line 1, column 12: found the end of the file, allowed a value: a number, a quoted text, true, "
        + "false, null, [...] or {...}"
    ),
    ("{}", "cluster: found nothing, allowed a name for the cluster"),
    ("{ cluster: 'a' }", "protocol: found nothing, allowed \(protocols)"),
    (
      "{ cluster: 'a b' }",
      "cluster: found \"a b\", allowed 1 to 100 letters, digits, '.', '_' or '-', not starting with "
        + "'.' or '-'"
    ),
    (
      "{ cluster: 'a', protocol: 'rafd' }",
      "protocol: found \"rafd\", allowed \(protocols); did you mean \"raft\"?"
    ),
    ("{ cluster: 'a', protocol: 'raft' }", "nodes: found nothing, allowed \(list)"),
    (
      "{ cluster: 'a', protocol: 'raft', nodes: '10.0.0.1:1' }",
      "nodes: found \"10.0.0.1:1\", allowed \(list)"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', nodes: [] }",
      "nodes: found 0 addresses, allowed 1...64 of raft"
    ),
    (
      "{ cluster: 'a', protocol: 'unreplicated', \(three) }",
      "nodes: found 3 addresses, allowed 1 of unreplicated"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', nodes: ['localhost:7400'] }",
      "nodes[0]: found \"localhost:7400\", allowed \(numeric)"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', nodes: ['::1:7400'] }",
      "nodes[0]: found \"::1:7400\", allowed \(numeric)"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', nodes: ['10.0.0.1:65536'] }",
      "nodes[0]: found \"10.0.0.1:65536\", allowed \(numeric)"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', nodes: ['10.0.0.1:1', '10.0.0.1:1'] }",
      "nodes[1]: found \"10.0.0.1:1\", allowed an address that no other node has"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', nodes: ['[::1]:1', '[0:0:0:0:0:0:0:1]:1'] }",
      "nodes[1]: found \"[0:0:0:0:0:0:0:1]:1\", allowed an address that no other node has"
    ),
    (
      "{ cluster: 'a', protocol: 'primary-backup', \(three), authority: ['10.0.0.2:7400'] }",
      "authority[0]: found \"10.0.0.2:7400\", allowed an address that no other node has"
    ),
    (
      "{ cluster: 'a', protocol: 'primary-backup', \(three) }",
      "authority: found nothing, allowed \(list): primary-backup needs an authority"
    ),
    (
      "{ cluster: 'a', protocol: 'primary-backup', \(three), authority: [] }",
      "authority: found 0 addresses, allowed 1...9 of primary-backup"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', \(three), authority: ['10.0.0.1:1'] }",
      "authority: found [\"10.0.0.1:1\"], allowed no authority: raft needs none"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', \(three), options: { heartbeats: '1s' } }",
      "options.heartbeats: found an unknown key, allowed electionTimeout, heartbeat, preVote, "
        + "checkQuorum, electOnDisconnect, reads, inFlightLimit, inFlightBytes, messageByteLimit, "
        + "snapshotBytes, snapshotPage, unsafeBug; did you mean \"heartbeat\"?"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', \(three), options: { heartbeat: '2m' } }",
      "options.heartbeat: found \"2m\", allowed a duration from 100us to 60s"
    ),
    (
      "{ cluster: 'a', protocol: 'raft', \(three), replicas: 3 }",
      "replicas: found an unknown key, allowed cluster, protocol, options, nodes, authority, secret"
    ),
  ])
func hostsRefusals(text: String, expected: String) {
  do {
    _ = try hosts(text)
    Issue.record("accepted: \(text)")
  } catch {
    #expect("\(error)" == "h.json5: " + expected)
  }
}

@Test("An experiment on hosts runs their protocol with their options and their replicas")
func hostsExperiment() throws {
  let chain = try hosts(chain)
  let text = """
    { protocols: ['raft', 'multi-paxos'], replicas: 5, sweep: { 'workload.clients': [1, 2] },
      faults: [{ at: '1s', partition: [[0], [1]], for: '1s' }, { at: '2s', 'slow-cpu': 1 },
        { at: '2s', link: 0, loss: 0.5 }, { at: '3s', clock: 0, jump: '1s' },
        { at: '3s', disk: 0, stall: true }, { chaos: { kinds: ['partition', 'clock'] } }] }
    """
  let read = try plan(text, hosts: chain)
  #expect(read.points.count == 2)
  for experiment in [read.experiment] + read.points.map(\.experiment) {
    #expect(experiment.runtime == .cluster && experiment.protocols == [chain.choice])
    #expect(experiment.size == .replicas(2) && experiment.faults.timed.count == 5)
  }
  let printed = try plan(read.resolvedText)
  #expect(printed.experiment == read.experiment && printed.points == read.points)
}

@Test(
  "Faults that need processes started by the runner are refused on hosts",
  arguments: [
    (
      "faults: [{ at: '1s', crash: 0 }]",
      "faults[0].crash: found \"crash\", allowed slow-cpu, partition, link, clock, disk, chaos (the "
        + "runner did not start these processes)"
    ),
    (
      "faults: [{ at: '1s', pause: 0 }]",
      "faults[0].pause: found \"pause\", allowed slow-cpu, partition, link, clock, disk, chaos (the "
        + "runner did not start these processes)"
    ),
    (
      "faults: [{ chaos: {} }]",
      "faults[0].chaos.kinds: found the default \"crash\", \"pause\", \"partition\", \"slow-disk\", "
        + "allowed a list of \"partition\", \"link\", \"clock\", \"slow-cpu\", \"slow-disk\" (the runner "
        + "did not start these processes)"
    ),
    (
      "faults: [{ chaos: { kinds: ['link', 'pause'] } }]",
      "faults[0].chaos.kinds[1]: found \"pause\", allowed \"partition\", \"link\", \"clock\", "
        + "\"slow-cpu\", \"slow-disk\" (the runner did not start these processes)"
    ),
    (
      "replicas: 5, faults: [{ at: '1s', 'slow-cpu': 4 }]",
      "faults[0].slow-cpu: found 4, allowed a replica number 0...2, leader, tail, follower, random, "
        + "majority, minority, coordinator, all, authority, authority:0, or a list of these"
    ),
    (
      "disk: 'none'",
      "disk: found \"none\", allowed the default (the runner did not start these processes)"
    ),
    (
      "clocks: { maxSkew: '1ms' }",
      "clocks: found { \"maxSkew\": \"1ms\" }, allowed the default (the runner did not start these "
        + "processes)"
    ),
    (
      "sweep: { replicas: [3, 5] }",
      "sweep.replicas: found a sweep over replicas, allowed no such sweep with a hosts file, whose "
        + "nodes are started already"
    ),
    (
      "sweep: { 'options.raft.preVote': [true, false] }",
      "sweep.options.raft.preVote: found a sweep over options, allowed no such sweep with a hosts "
        + "file, whose nodes are started already"
    ),
    (
      "trace: { every: 5 }",
      "trace: found { \"every\": 5 }, allowed \"off\" (the clocks of several hosts cannot be compared)"
    ),
    (
      "network: { loss: 0.5 }",
      "network: found { \"loss\": 0.5 }, allowed the default (the cluster runtime runs on this "
        + "machine's own network; use link faults to degrade it)"
    ),
  ])
func hostsLimits(fields: String, expected: String) throws {
  #expect(refusal("{ \(fields) }", hosts: try hosts(raft)) == "x.json5: " + expected)
}

@Test("Seeded damage to a hosts file gives a value or an error, never a trap")
func damagedHosts() throws {
  var random = RandomStream(seed: 9)
  let original = Array(chain.unicodeScalars)
  let pieces = [
    "0", "-1", "[]", "{}", "null", "'", ":", "]", "[", "\\u0000", "true", "1e999", "::",
  ]
  var accepted = 0
  for _ in 0..<1000 {
    var scalars = original
    let start = random.below(scalars.count)
    let end = min(scalars.count, start + random.below(6))
    scalars.replaceSubrange(
      start..<end, with: Array(pieces[random.below(pieces.count)].unicodeScalars))
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    do {
      _ = try hosts(String(text))
      accepted += 1
    } catch let error as ExperimentError {
      #expect(!"\(error)".contains("\n") && "\(error)".hasPrefix("h.json5: "))
    }
  }
  #expect(accepted > 0)
}

@Test("A secret is 64 hexadecimal digits, and its file is private")
func hostsSecret() throws {
  func text(_ secret: String) -> String {
    "{ cluster: 'a', protocol: 'raft', nodes: ['127.0.0.1:1'], secret: '\(secret)' }"
  }
  let digits = String(repeating: "0fA9", count: 16)
  let hosts = try HostsFile.read(text: text(digits), file: "h.json5")
  #expect(hosts.secret.count == 32 && Array(hosts.secret[..<2]) == [0x0F, 0xA9])
  #expect(try HostsFile.read(text: hosts.text, file: "h.json5") == hosts)
  for wrong in ["", "abc", String(digits.dropLast()) + "g", digits + "00"] {
    let error = #expect(throws: ExperimentError.self) {
      try HostsFile.read(text: text(wrong), file: "h.json5")
    }
    let words = error.map { "\($0)" } ?? ""
    #expect(words.contains("h.json5: secret: found \(wrong.count) characters, allowed 64 hexa"))
  }
  let file = FileManager.default.temporaryDirectory.appending(path: "hosts-\(UUID()).json5")
  defer { try? FileManager.default.removeItem(at: file) }
  try Data(text(digits).utf8).write(to: file)
  for (mode, isPrivate) in [
    (0o644, false), (0o640, false), (0o602, false), (0o600, true), (0o400, true),
  ] {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
    if isPrivate {
      #expect(try HostsFile.read(file: file.path).secret == hosts.secret)
    } else {
      #expect(throws: ExperimentError.self) { try HostsFile.read(file: file.path) }
    }
  }
}

@Test("A secret's file belongs to this user or to root")
func hostsOwner() {
  func isRefused(mode: UInt32, owner: UInt32) -> Bool {
    HostsFile.privacyError(of: "h.json5", mode: mode, owner: owner, user: 7) != nil
  }
  #expect(!isRefused(mode: 0o100600, owner: 7))
  #expect(!isRefused(mode: 0o100400, owner: 0))
  #expect(isRefused(mode: 0o100600, owner: 8))
  #expect(isRefused(mode: 0o100604, owner: 7))
}
