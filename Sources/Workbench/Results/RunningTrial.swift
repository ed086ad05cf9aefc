/// The progress of one trial, with the course of its load as a sparkline.
struct RunningTrial: Sendable {
  /// The row, the sweep point and the number of the trial.
  var name: String
  /// When faults begin, in ns since the start of the trial.
  var faults: [Int64]
  /// The time since the start of the trial.
  private(set) var timeNs: Int64 = 0
  private(set) var events = 0
  /// Events in each part of the trial; parts that are not over have too few.
  private var counts = [Int](repeating: 0, count: RunningTrial.parts)

  /// The trial is divided into as many parts as the sparkline has bars.
  static let parts = 32
  private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  static let faultMark: Character = "×"

  init(name: String = "", faults: [Int64] = []) {
    self.name = name
    self.faults = faults
  }

  mutating func advance(to timeNs: Int64, events: Int, of durationNs: Int64) {
    // What happened since the last report is spread evenly over the parts in between, because
    // reports may be rarer than parts.
    let from = RunningTrial.part(self.timeNs, of: durationNs)
    let to = max(RunningTrial.part(timeNs, of: durationNs), from)
    let added = max(events - self.events, 0)
    for part in from...to { counts[part] += added / (to - from + 1) }
    self.timeNs = min(timeNs, durationNs)
    self.events = events
  }

  private static func part(_ timeNs: Int64, of durationNs: Int64) -> Int {
    let share = Double(timeNs) / Double(max(durationNs, 1))
    return min(max(Int(share * Double(parts)), 0), parts - 1)
  }

  /// A bar for each part that has begun, with a mark before each part in which a fault begins.
  func sparkline(of durationNs: Int64) -> String {
    let last = RunningTrial.part(timeNs, of: durationNs)
    let marked = Set(
      faults.filter { $0 < durationNs }.map { RunningTrial.part($0, of: durationNs) })
    let most = max(counts.max() ?? 0, 1)
    var text = ""
    for part in 0..<RunningTrial.parts {
      if marked.contains(part) { text.append(RunningTrial.faultMark) }
      let height = counts[part] * (RunningTrial.bars.count - 1) / most
      text.append(part <= last ? RunningTrial.bars[height] : " ")
    }
    return text
  }

  /// `raft, replicas=3, trial 2  ▆▇×▁▅▇`; without the sparkline if there is no room for it.
  func line(of durationNs: Int64, width: Int) -> String {
    let spark = sparkline(of: durationNs)
    guard width >= spark.count + 12 else { return String(name.prefix(width)) }
    let room = width - spark.count - 2
    let shown = name.count <= room ? name : name.prefix(room - 3) + "..."
    return shown + "  " + spark
  }
}
