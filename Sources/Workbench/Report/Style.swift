/// The style sheet. Colours are variables, so that both themes and print change them in one place.
enum Style {
  static let text =
    base + light(":root") + dark(":root:not([data-theme=light])", inMedia: true)
    + dark(":root[data-theme=dark]", inMedia: false) + layout + tables + charts + hiding + print
    + "@media print{\(light(":root:root:root"))}\n"

  // The eight colours of Okabe & Ito (2008), darkened or lightened to stand out from the page.
  private static let lightColors = [
    "#0072b2", "#b87a00", "#008c66", "#c44c00", "#6b6b6b", "#b0578c", "#2b8fc9", "#3a3a3a",
  ]
  private static let darkColors = [
    "#5eb3ee", "#f0b429", "#2fc298", "#ff8a4c", "#a9a9a9", "#e59bc6", "#9bd3f5", "#e0e0e0",
  ]

  private static func variables(_ colors: [String]) -> String {
    colors.enumerated().map { "--p\($0.offset):\($0.element);" }.joined()
  }

  private static func light(_ selector: String) -> String {
    """
    \(selector){color-scheme:light;--bg:#fff;--ink:#1b1f24;--muted:#5b6470;--line:#d9dee4;\
    --panel:#f6f7f9;--fault:#1b1f24;--good:#00694c;--bad:#b3261e;--badbg:#fdeceb;--bar:#dce9f5;\
    --warm:#e06a1a;--link:#0b5cad;\(variables(lightColors))}

    """
  }

  private static func dark(_ selector: String, inMedia: Bool) -> String {
    let rule = """
      \(selector){color-scheme:dark;--bg:#14171b;--ink:#e8eaed;--muted:#a3acb7;--line:#333a43;\
      --panel:#1c2026;--fault:#fff;--good:#4fd1a5;--bad:#ff8a80;--badbg:#3a1f1e;--bar:#24394d;\
      --warm:#c4551a;--link:#8ab8ff;\(variables(darkColors))}

      """
    return inMedia ? "@media (prefers-color-scheme:dark){\(rule)}\n" : rule
  }

  private static let base = """
    *{box-sizing:border-box}
    html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,\
    "Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
    h1{font-size:1.75rem;line-height:1.2;margin:0}
    h2{font-size:1.3rem;margin:0 0 .25rem}
    p{margin:.5rem 0;max-width:74ch}
    a{color:var(--link)}
    small{font-size:.8em;color:var(--muted)}
    code{font:.9em ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
    :focus-visible{outline:2px solid var(--link);outline-offset:2px}

    """

  private static let layout = """
    header,main{max-width:1280px;margin:0 auto;padding:0 1rem}
    header{padding-top:1.5rem}
    .top{display:flex;gap:1rem;align-items:center;justify-content:space-between}
    .skip{position:absolute;left:-99rem}
    .skip:focus{left:1rem;top:.5rem;background:var(--bg);padding:.5rem;z-index:2}
    .question{font-size:1.1rem}
    .muted,.how{color:var(--muted)}
    .how{font-size:.92rem}
    nav{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:1rem 0;padding:.6rem 0;\
    border-block:1px solid var(--line)}
    section:focus-visible{outline:none}
    section{margin:2.5rem 0;scroll-margin-top:1rem}
    .lead{font-size:1.2rem;line-height:1.45;margin:.75rem 0 1rem}
    .lead+.lead{font-size:1.05rem;margin-top:0}section h3{margin:1.1rem 0 .2rem}
    .words{margin:1rem 0;max-width:84ch}.words dl{grid-template-columns:max-content 1fr;margin:.3rem 0;\
    font-size:.88rem}.words dd{color:var(--muted)}
    .tables{display:flex;flex-wrap:wrap;gap:.25rem 2rem}.tables>div{max-width:100%}\
    .tables .scroll{margin-top:.2rem}.tabletitle{margin:.5rem 0 0;font-size:.9rem;color:var(--muted)}\
    .tabletitle b{color:var(--ink);font-size:1rem}
    .facts{padding-left:1.2rem;max-width:84ch}
    .facts li{margin:.3rem 0}
    .verdict{max-width:84ch;padding:.6rem .9rem;border-left:4px solid;border-radius:4px;\
    background:var(--panel)}
    .verdict p{margin:.2rem 0}
    .verdict ul{margin:.2rem 0;padding-left:1.2rem}
    .verdict code{overflow-wrap:anywhere}
    .verdict.good{border-color:var(--good)}
    .verdict.bad{border-color:var(--bad);background:var(--badbg)}
    button{font:inherit;font-size:.9rem;color:inherit;background:var(--panel);border:1px solid \
    var(--line);border-radius:6px;padding:.35rem .8rem;cursor:pointer}
    fieldset{border:0;padding:0;margin:0 0 1rem;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem}
    fieldset[hidden]{display:none}
    legend{float:left;margin-right:.5rem;color:var(--muted)}
    label{display:inline-flex;gap:.35rem;align-items:center;cursor:pointer}
    h2,h3,nav a,figcaption,summary,label,caption{overflow-wrap:anywhere}
    .bar label{flex-wrap:wrap;max-width:100%}.bar{display:flex;flex-wrap:wrap;gap:.4rem .6rem;align-items:center;margin:.75rem 0}
    .bar[hidden]{display:none}.bar output{color:var(--muted);font-size:.9rem}
    select{font:inherit;font-size:.9rem;color:inherit;background:var(--panel);border:1px solid \
    var(--line);border-radius:6px;padding:.3rem .5rem;max-width:100%}
    .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));\
    gap:1.25rem 1.75rem;margin:1rem 0}
    .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,680px),1fr));\
    gap:1.25rem 1.75rem}
    .legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;padding:0;margin:.75rem 0}
    .legend .note{color:var(--muted);font-size:.92rem;flex-basis:100%}
    .key{width:26px;height:12px;margin-right:.4rem;vertical-align:middle}
    details{margin:.35rem 0}
    summary{cursor:pointer;color:var(--muted);font-size:.9rem}
    .point>summary{font-size:1rem;font-weight:600;color:var(--ink);padding:.4rem 0}
    pre{overflow:auto;background:var(--panel);border:1px solid var(--line);border-radius:6px;\
    padding:.75rem;max-height:30rem}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:.75rem 0}
    dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}
    .badge{color:var(--bad);border:1px solid;border-radius:4px;padding:0 .35rem;font-size:.8rem}
    @media (max-width:600px){.summary .key{display:none}.summary th,.summary td\
    {padding:.35rem .4rem}.summary th:first-child{min-width:7.8rem;max-width:8.4rem;\
    white-space:normal}.summary th:first-child .rowname{overflow-wrap:anywhere}\
    .words dl{grid-template-columns:1fr}.summary .v.good .word{position:absolute;clip-path:inset(50%)}
    h1{font-size:1.45rem}.lead{font-size:1.08rem}section{margin:2rem 0}\
    dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}}

    """

  private static let tables = """
    .scroll{overflow-x:auto;position:relative;margin:.75rem 0}
    .more{font-size:.82rem;color:var(--muted);text-align:right;margin:.5rem 0 -.6rem}
    .scroll.cut{mask-image:linear-gradient(90deg,#000 calc(100% - 2.5rem),#0003)}
    table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
    caption{text-align:left;color:var(--muted);padding:.2rem 0;font-size:.88rem}
    caption b{color:var(--ink);font-size:1rem}
    th,td{padding:.4rem .6rem;border-bottom:1px solid var(--line);text-align:right;\
    vertical-align:top;white-space:nowrap}
    th{font-weight:600}
    thead th{vertical-align:bottom;white-space:normal;color:var(--muted)}
    th:first-child{text-align:left;position:sticky;left:0;background:var(--bg);z-index:1}
    td small{display:block}
    th button{all:unset;cursor:pointer}
    th button:focus-visible{outline:2px solid var(--link)}
    th[aria-sort=ascending] button::after{content:" ▲"}
    th[aria-sort=descending] button::after{content:" ▼"}
    .summary th,.summary td{padding-inline:.42rem}
    .summary td.n{background:linear-gradient(90deg,var(--bar) var(--w,0%),var(--bg) 0) \
    no-repeat 0 0/100% 1.9rem}
    h3{font-size:1rem;margin:.5rem 0 0}.pair .how{margin:.1rem 0}
    .summary .l0,.summary .v,.summary [data-sort=text]{text-align:left}
    .v.good{color:var(--good)}.v.bad{color:var(--bad);font-weight:600}
    tr.unranked td.n{background:none;color:var(--muted)}
    #run .data td{white-space:normal;overflow-wrap:anywhere;min-width:6rem;max-width:18rem}
    .data{font-size:.82rem}.data th,.data td{padding:.15rem .5rem}
    figure .scroll{max-height:22rem;overflow:auto}
    .leaders td{white-space:normal;min-width:8rem;text-align:left}
    .values td{min-width:3.5rem}
    .leaders thead th{text-align:left}.leaders th:first-child{white-space:normal}
    .heat td{background:color-mix(in srgb,var(--warm) var(--heat,0%),transparent);\
    text-align:center}
    .heat th:first-child{white-space:normal;min-width:7.5rem}
    .heat th,.heat td{padding:.4rem .45rem}.heat{width:100%}
    .heat thead th{text-align:center}.heat thead th:first-child{text-align:left}
    .heat td.unranked{text-decoration:line-through}

    """

  private static let charts = """
    figure{margin:0;min-width:0}
    figcaption{font-weight:600;margin-bottom:.25rem}
    figcaption em{font-style:normal;color:var(--muted)}
    figure>svg{display:block;width:100%;height:auto;max-width:520px;overflow:visible}
    #chosen>svg{max-width:860px}#chosen[hidden]{display:none}label[hidden]{display:none}
    svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",\
    sans-serif;fill:var(--muted);font-variant-numeric:tabular-nums}
    svg .axis{fill:var(--muted);font-size:11px}
    svg .rowname{fill:var(--ink)}
    svg .faultname{font-size:10px;fill:var(--ink)}
    svg .cut{font-size:9px;fill:var(--ink)}
    svg .warn{fill:var(--bad);font-weight:600}
    .rule{stroke:var(--line);stroke-width:1;fill:none}
    .base{stroke:var(--muted);stroke-width:1;fill:none}
    .l{stroke:var(--c);stroke-width:2;fill:none;stroke-linejoin:round}
    .thin{stroke-width:1.4}.faint{stroke-width:.8;opacity:.35}
    .dotted{stroke-dasharray:1.5 2.5}
    .d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 2.5}.d3{stroke-dasharray:9 3 2 3}
    .d5{stroke-dasharray:4 2}.d6{stroke-dasharray:1 3}.d7{stroke-dasharray:10 4}
    .b{fill:var(--c);opacity:.2}
    .m{fill:var(--c);stroke:var(--bg);stroke-width:.8}
    .h{fill:var(--bg);stroke:var(--c);stroke-width:1.5}.pale{opacity:.4}.faintband{opacity:.12}
    \(BreakdownChart.style)
    .tooth{fill:none;stroke:var(--c);stroke-width:1.4}
    .fault{fill:var(--fault);opacity:.09}
    .window .l{vector-effect:non-scaling-stroke}
    [data-time]{cursor:crosshair;touch-action:pan-y}.pick{fill:var(--link);opacity:.2}
    .zone{fill:var(--bad);opacity:.16;stroke:var(--bg);stroke-width:2}.zone.reversal{fill:var(--link)}
    .ring{fill:none;stroke:var(--ink);stroke-width:1.4}
    \((0..<Palette.size).map { ".p\($0){--c:var(--p\($0))}" }.joined())

    """

  private static let hiding =
    (0..<24).map { ".hide\($0) [data-p=\"\($0)\"],.hide\($0) [data-q=\"\($0)\"]" }.joined(
      separator: ",") + "{display:none}\n"

  private static let print = """
    @page{size:A4;margin:14mm}
    @media print{html,body{font-size:10px}nav,fieldset,.skip,#theme,.bar,figure details,\
    details:not([open]){display:none!important}
    header,main{max-width:none;padding:0}p,.facts,.verdict,.words{max-width:none}
    h2,h3,.how,.legend,.point>summary,caption,thead{break-after:avoid}\
    figure,tr,li,.how,.verdict,.words,dl{break-inside:avoid}section{margin:1.5rem 0}
    .more{display:none}.scroll.cut{mask-image:none}.scroll{overflow:visible;break-before:avoid}#chosen>svg{max-width:60%}th:first-child{position:static}th,td{padding:.2rem .4rem}\
    .summary td small{white-space:normal}.grid{grid-template-columns:repeat(3,1fr);gap:1rem}\
    .pair{grid-template-columns:1fr}pre{max-height:none;white-space:pre-wrap}
    body{-webkit-print-color-adjust:exact;print-color-adjust:exact}}

    """
}
