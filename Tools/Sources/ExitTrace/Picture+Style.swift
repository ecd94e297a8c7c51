// SPDX-License-Identifier: Apache-2.0

extension Picture {
  /// Colours that are told apart with weak colour vision, on light and on dark.
  static let style = """
    svg{--page:#fff;--ink:#1f2328;--dim:#656d76;--faint:#8c959f;--grid:#e6e9ed;--band:#0969da14;--line:#57606a;\
    --early:#0f8a7e;--normal:#3b7dd8;--late:#8b5cd6;--red:#cf222e;--foreign:#aab3bd;--hatch:#fffc;\
    font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}
    @media(prefers-color-scheme:dark){svg{--page:#0d1117;--ink:#e6edf3;--dim:#9aa4af;--faint:#7d8590;--grid:#21262d;\
    --band:#58a6ff1f;--line:#8b949e;--early:#2fb5a6;--normal:#5c9dff;--late:#b58cff;--red:#ff6b63;--foreign:#57606a;--hatch:#0d1117cc}}
    .page{fill:var(--page)}text{fill:var(--ink)}.title{font-size:16px;font-weight:600}.small{font-size:11px}.dim{fill:var(--dim)}
    .place,.off{fill:var(--faint)}.folded{fill:var(--dim);font-style:italic}.red{fill:var(--red)}.on{fill:var(--page)}.grid{stroke:var(--grid)}
    .early{fill:var(--early)}.normal{fill:var(--normal)}.late{fill:var(--late)}.bad{fill:var(--red)}.stuck{fill:url(#stuck)}
    .wait{fill:url(#wait)}.foreign{fill:var(--foreign)}.hollow{fill:none;stroke:var(--faint)}.band{fill:var(--band)}
    .bracket{fill:none;stroke:var(--line);stroke-width:1.5}.red-line{stroke:var(--red)}
    .deadline{fill:none;stroke:var(--red);stroke-width:1.5;stroke-dasharray:5 3}
    """

  static let patterns = """
    <defs><pattern id="wait" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
    <rect width="3" height="6" fill="var(--hatch)"/></pattern>\
    <linearGradient id="stuck"><stop offset="0" stop-color="var(--red)"/><stop offset=".7" stop-color="var(--red)"/>\
    <stop offset="1" stop-color="var(--red)" stop-opacity=".25"/></linearGradient></defs>\n
    """
}
