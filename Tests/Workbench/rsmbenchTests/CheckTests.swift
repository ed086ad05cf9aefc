import Foundation
import Testing

/// `check`: the exit codes for histories recorded by other programs.
@Suite struct CheckTests {
  private let space: Workspace

  init() throws { space = try Workspace() }

  private func check(_ text: String, _ flags: String...) async throws -> Outcome {
    try space.write(text, to: "history")
    return try await space.rsmbench(list: ["check", "history"] + flags)
  }

  static let good = """
    {:process 0, :type :invoke, :f :write, :value 1}
    {:process 1, :type :invoke, :f :read, :value nil}
    {:process :nemesis, :type :info, :f :start, :value "cut off n1"}
    {:process 1, :type :ok, :f :read, :value 1}
    {:process 0, :type :ok, :f :write, :value 1}
    """
  static let bad = """
    {:process 0, :type :invoke, :f :write, :value 1}
    {:process 0, :type :ok, :f :write, :value 1}
    {:process 0, :type :invoke, :f :write, :value 2}
    {:process 0, :type :ok, :f :write, :value 2}
    {:process 1, :type :invoke, :f :read, :value nil}
    {:process 1, :type :ok, :f :read, :value 1}
    """

  @Test("A linearizable history in any accepted form gives exit code 0")
  func linearizable() async throws {
    let forms = [
      CheckTests.good, "\u{FEFF}" + CheckTests.good, "[" + CheckTests.good + "]",
      CheckTests.good.replacing("{:process", with: "#jepsen.history.Op{:process"),
      // With two keys: a read that would be stale for one key is not stale for two.
      CheckTests.bad.replacing("\n{:process 0, :type :invoke, :f :write, :value 2}", with: "")
        .replacing("\n{:process 0, :type :ok, :f :write, :value 2}", with: ""),
      CheckTests.bad.replacing(#/value ([12])}/#) { "value [\"k\($0.1)\" \($0.1)]}" }
        .replacing("value nil}", with: "value [\"k1\" nil]}"),
      "INFO  jepsen.util - 0\t:invoke\t:write\t4\nINFO  jepsen.util - 0\t:ok\t:write\t4",
      "0\t:invoke\t:cas\t[nil 4]\n0\t:fail\t:cas\t:not-leader\n:nemesis\t:info\t:stop\tnil",
    ]
    for form in forms {
      let outcome = try await check(form)
      #expect(outcome.status == 0, "\(form)\n\(outcome.errors)\(outcome.output)")
      #expect(outcome.output.contains("linearizable"))
      #expect(outcome.errors == "")
    }
  }

  @Test("A violation gives exit code 1, with the operations that prove it and their lines")
  func violated() async throws {
    let noise = (0..<50).map {
      "{:process 7, :type :invoke, :f :write, :value 1\($0)}\n"
        + "{:process 7, :type :ok, :f :write, :value 1\($0)}\n"
    }
    let table = try await check(noise.joined() + CheckTests.bad)
    #expect(table.status == 1)
    #expect(table.output.contains("VIOLATED"))
    for line in ["lines 101 to 102", "lines 103 to 104", "> lines 105 to 106"] {
      #expect(table.output.contains(line), "\(table.output)")
    }
    #expect(!table.output.contains("lines 99 to"))
    let json = try await check(CheckTests.bad, "--format", "json")
    #expect(json.status == 1)
    let value = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
    let object = try #require(value as? [String: Any])
    #expect(object["verdict"] as? String == "violated")
    let counterexample = try #require(object["counterexample"] as? [[String: Any]])
    #expect(counterexample.compactMap { $0["line"] as? Int } == [1, 3, 5])
  }

  @Test("A search that gives up gives exit code 3 and a suggestion")
  func undecided() async throws {
    // Values are written twice, so that only the search can decide.
    var text = ""
    for process in 0..<12 {
      text += "{:process \(process), :type :invoke, :f :write, :value \(process % 3)}\n"
    }
    for process in 0..<12 {
      text += "{:process \(process), :type :ok, :f :write, :value \(process % 3)}\n"
    }
    for value in [0, 1, 0, 1] {
      text += "{:process 20, :type :invoke, :f :read}\n"
      text += "{:process 20, :type :ok, :f :read, :value \(value)}\n"
    }
    let outcome = try await check(text, "--budget", "20")
    #expect(outcome.status == 3, "\(outcome.output)")
    for words in ["undecided", "values written more than once", "--budget"] {
      #expect(outcome.output.contains(words), "\(outcome.output)")
    }
    #expect(try await check(text).status == 1)
  }

  @Test(
    "An unreadable history gives exit code 2 and one line that names the line",
    arguments: [
      ("# A readme\n\nText.", "line"), ("hello\nworld", "line 1"), ("{\"a\": [1, 2]}", "line 1"),
      ("INFO  jepsen.util - 0 :invoke :read nil\nhello", "line 2"),
      ("INFO  jepsen.util - 0 :invok :read nil", "line 1"),
      ("{:process 0, :type :ok, :f :read, :value 1}", "line 1: found a completion"),
      (
        "{:process 0, :type :invoke, :f :read}\n{:process 0, :type :info, :f :read}\n"
          + "{:process 0, :type :invoke, :f :read}", "line 3: found a call of a process"
      ),
      ("{:process 0, :type :invoke, :f :pop}", "line 1: found the operation :pop"),
      (CheckTests.good + "\n{:process 0, :type", "line 6"),
      ("", "no operation"), ("[]", "no operation"), ("; nothing here", "no operation"),
      ("INFO some.program - started", "no operation"),
    ])
  func unreadable(text: String, message: String) async throws {
    let outcome = try await check(text)
    #expect(outcome.status == 2)
    #expect(outcome.output == "")
    #expect(outcome.errorLines.count == 1)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
  }

  @Test("A model admits only its operations, and bad usage is refused")
  func usage() async throws {
    #expect(try await check(CheckTests.good, "--model", "register").status == 0)
    let swap = "{:process 0, :type :invoke, :f :cas, :value [1 2]}"
    let refused = try await check(swap, "--model", "register")
    #expect(refused.status == 2)
    #expect(refused.errors.contains("line 1: found a cas, allowed by --model register: get, put"))
    #expect(try await check(swap, "--model", "cas-register").status == 0)
    for words in [["check"], ["check", "a", "b"], ["check", "missing"], ["check", "."]] {
      let outcome = try await space.rsmbench(list: words)
      #expect(outcome.status == 2)
      #expect(outcome.errorLines.count == 1)
    }
    for name in ["fuzz", "replay", "explore"] {
      let outcome = try await space.rsmbench(name)
      #expect(outcome.status == 2)
      #expect(outcome.errors.hasPrefix("rsmbench: unknown command \"\(name)\""))
    }
  }

  @Test("A run's history is checked with the same verdict, and says when operations were due")
  func ownHistory() async throws {
    try space.write(
      tiny(#"seed: 5, slo: { latency: "7ms" }, probe: "off","#).replacing(
        "trials: 2", with: "trials: 1"),
      to: "tiny.json5")
    #expect(try await space.rsmbench("run", "tiny.json5", "--history", "--quiet").status == 0)
    let files = try space.files("results/tiny-5").keys.filter { $0.hasSuffix(".edn") }.sorted()
    #expect(files.count == 2)
    for file in files {
      let path = "results/tiny-5/" + file
      let outcome = try await space.rsmbench("check", path)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("by 2 clients on"))
      let lines = try space.text(path).split(separator: "\n")
      let header = lines.prefix { $0.hasPrefix(";") }.joined()
      for word in [
        ":protocol \"", ":trial 1", ":seed 5", ":warm-up-end 100000000", ":measured-end 500000000",
        ":slo 7000000",
      ] { #expect(header.contains(word), "\(header)") }
      let calls = lines.filter { $0.contains(":type :invoke") }
      #expect(!calls.isEmpty && calls.allSatisfy { $0.contains(", :due ") })
    }
  }

  @Test("Transactions that read keys at one moment are checked across keys, others are refused")
  func transactions() async throws {
    func event(_ process: Int, _ type: String, _ value: String) -> String {
      "{:process \(process), :type :\(type), :f :txn, :value \(value)}\n"
    }
    let writes =
      event(0, "invoke", "[[:w :x 1]]") + event(1, "invoke", "[[:w :y 2]]")
      + event(2, "invoke", "[[:r :x nil] [:r :y nil]]")
      + event(3, "invoke", "[[:r :x nil] [:r :y nil]]")
      + event(2, "ok", "[[:r :x 1] [:r :y nil]]")
    let good = try await check(writes + event(3, "ok", "[[:r :x 1] [:r :y 2]]"))
    #expect(good.status == 0 && good.output.contains("linearizable"), "\(good.output)")
    let text = writes + event(3, "ok", "[[:r :x nil] [:r :y 2]]")
    let bad = try await check(text)
    #expect(bad.status == 1)
    for part in [
      "VIOLATED across keys :x, :y", "the scan of line 3 comes before",
      "comes before the scan of line",
      "key :x: scan -> 1", "key :y: scan -> nil", "lines 4 to 6", "lines 3 to 5",
    ] { #expect(bad.output.contains(part), "\(part) in \(bad.output)") }
    let json = try await check(text, "--format", "json")
    #expect(json.output.contains(#""operation": "key :x: scan -> 1""#), "\(json.output)")
    let mixed = try await check(writes + event(4, "invoke", "[[:r :x nil] [:w :y 3]]"))
    #expect(mixed.status == 2 && mixed.errorLines.count == 1)
    #expect(mixed.errors.contains("line 6: found [:w :y 3] in a :txn, allowed one that only reads"))
    let register = try await check(text, "--model", "register")
    #expect(register.status == 2 && register.errors.contains("line 3: found a scan, allowed by"))
  }

  @Test("The history of a run with scans is checked with the same verdict")
  func ownScans() async throws {
    try space.write(
      tiny("seed: 5").replacing("trials: 2", with: "trials: 1").replacing(
        "workload: { clients: 2, keys: 5,",
        with: #"workload: { preset: "ycsb-e", clients: 4, keys: 40, valueSize: "16B","#),
      to: "scans.json5")
    #expect(try await space.rsmbench("run", "scans.json5", "--history", "--quiet").status == 0)
    let files = try space.files("results/tiny-5").keys.filter { $0.hasSuffix(".edn") }.sorted()
    #expect(files.count == 2)
    for file in files {
      let outcome = try await space.rsmbench("check", "results/tiny-5/" + file)
      #expect(outcome.status == 0 && outcome.output.contains("linearizable"), "\(outcome.output)")
      let text = try space.text("results/tiny-5/" + file)
      // A scan that saw a value which nobody wrote is caught.
      let broken = text.replacing(
        #/(:type :ok, :f :txn, :value \[\[:r \d+ )"[^"]+"/#, maxReplacements: 1
      ) { "\($0.1)\"00000000000000aa.16\"" }
      #expect(broken != text)
      #expect(try await check(broken).status == 1)
    }
  }

  @Test("A dash reads standard input")
  func standardInput() async throws {
    // The program in this test has no standard input.
    let outcome = try await space.rsmbench("check", "-")
    #expect(outcome.status == 2)
    #expect(
      outcome.errors
        == "rsmbench: standard input: found no operation, so there is nothing to check\n")
  }
}
