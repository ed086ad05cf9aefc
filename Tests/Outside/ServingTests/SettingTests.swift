import Configuration
import ProtocolList
import Replication
import Testing

@testable import Serving

/// Tests the options of `serve --set OPTION=VALUE`.
@Suite struct SettingTests {
  private func nodes(_ settings: [String]) -> OwnNodes {
    OwnNodes(kind: .raft, replicas: 3, settings: settings, data: nil, syncs: true)
  }

  @Test("Values are read like those of an experiment file, without quotes around texts")
  func values() throws {
    let hosts = try nodes([
      "heartbeat=20ms", #"electionTimeout=["1s", "2s"]"#, "preVote=false", "inFlightLimit=7",
      #"unsafeBug="ack-early""#,
    ]).hosts()
    let options = hosts.choice.options
    #expect(options.interval("heartbeat") == .milliseconds(20))
    #expect(options.intervalRange("electionTimeout") == .seconds(1)...Interval.seconds(2))
    #expect(!options.flag("preVote") && options.flag("checkQuorum"))
    #expect(options.integer("inFlightLimit") == 7 && options.choice("unsafeBug") == "ack-early")
    #expect(hosts.choice.kind == .raft && hosts.nodes.count == 3 && hosts.authority.isEmpty)
  }

  @Test(
    "An unknown option, or an invalid value, is refused",
    arguments: [
      (["heartbeat"], #"found "heartbeat", allowed OPTION=VALUE"#),
      (["=5"], #"found "=5", allowed OPTION=VALUE"#),
      (["heartbeet=5ms"], "options.heartbeet: found an unknown key, allowed electionTimeout, "),
      (["heartbeat=5"], "options.heartbeat: found 5, allowed a duration"),
      (["heartbeat="], #"options.heartbeat: found "", allowed a duration"#),
      (["heartbeat=null"], #"options.heartbeat: found "null", allowed a duration"#),
      (["heartbeat=5m"], #"options.heartbeat: found "5m", allowed a duration from 100us to 60s"#),
      (["heartbeat=\"5ms"], #"options.heartbeat: found "\"5ms", allowed a duration"#),
      (["preVote=1"], "options.preVote: found 1, allowed true or false"),
      (["electionTimeout=5ms"], #"options.electionTimeout: found "5ms", allowed two durations"#),
      (["reads=lease"], #"options.reads: found "lease", allowed "read-index""#),
      (
        ["heartbeat=5ms", "heartbeat=6ms"],
        "options.heartbeat: found a second value, allowed each option once"
      ),
    ])
  func refusals(settings: [String], words: String) {
    do {
      _ = try nodes(settings).hosts()
      Issue.record("\(settings) are accepted")
    } catch {
      #expect("\(error)".hasPrefix("--set: " + words), "\(error)")
    }
  }
}
