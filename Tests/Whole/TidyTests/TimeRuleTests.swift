import Testing

@Suite struct TimeRuleTests {
  private func found(_ line: String, in path: String = "Runtimes/Sockets/A.swift") -> Int {
    TimeRules.bareTimes(SourceFile(path: "Sources/\(path)", text: line)).count
  }

  @Test("At a module's border a time is an Interval or an Instant, or its name ends in Ns")
  func borders() throws {
    #expect(try SourceTree.files().flatMap(TimeRules.bareTimes) == [])
  }

  @Test(
    "A bare time is found in every kind of declaration",
    arguments: [
      "public func wait(nanoseconds: Int64) {}", "package var waitMilliseconds: Int",
      "public func wait(\n  for time: Interval,\n  seconds: Double\n) {}",
      "public static let pause: Int64 = 1", "package var now: Int64",
      "@inlinable public var deadline: Int64? { nil }", "public var deadline = Int64.max",
      "public private(set) var times: [Int64] = []", "public var since: [UInt32: Int64] = [:]",
      "package mutating func turn(until deadline: Int64) throws {}",
      "public func next(_ random: inout RandomStream) -> Int64 {", "case slow([Int], by: Int64)",
      "case delivered(Int64)", "public var held: (target: Int, endsAt: Int64)?",
    ])
  func bare(line: String) { #expect(found(line) == 1) }

  @Test(
    "Times with a type, numbers that say Ns, and what no other module sees are in order",
    arguments: [
      "public func wait(atMost limit: Interval) {}", "package var waitNs: Int64",
      "func wait(nanoseconds: Int64) {}", "public static let pauseNs: Int64 = 1",
      "private var now: Int64 = 0", "public func passNs(atNs timeNs: Int64) -> Int64 {",
      "public func encode() { writer.write(Int64(rawValue)) }", "case .late(let time): Int64(time)",
    ])
  func named(line: String) { #expect(found(line) == 0) }

  @Test("Every exception is of use, and covers only what it names")
  func exceptions() throws {
    let files = try SourceTree.files()
    for exception in TimeRules.others {
      let covered = files.filter { $0.path.hasPrefix("Sources/\(exception.path)") }
      let bare = covered.map {
        SourceFile(path: "Sources/A/B/C.swift", text: $0.lines.joined(separator: "\n"))
      }
      .flatMap(TimeRules.bareTimes)
      #expect(!bare.isEmpty, "\(exception.path)")
      for name in exception.names ?? [] {
        #expect(bare.contains { $0.hasSuffix(" \(name)") }, "\(exception.path) \(name)")
      }
    }
    let line = "package var now: Int64"
    #expect(found(line, in: "Shared/StateMachines/A.swift") == 0)
    #expect(found(line, in: "Outside/Serving/RespGateway.swift") == 1)
  }
}
