"""What one looks at and what one is woken by, over Atalaia's metrics: each said once.

From here tools/grafana.py writes Grafana's dashboards and both forms of the alert rules. A text is
(English, Portuguese, Spanish). Expressions are PromQL; a dashboard adds its own instance to each.
"""

from __future__ import annotations

from typing import NamedTuple

Text = tuple[str, str, str]


class Alert(NamedTuple):
    """One alert rule. `expr` gives a series for each thing that is wrong, and none where all is
    well; that must last for `lasts`."""

    name: str
    expr: str
    lasts: str
    severity: str
    summary: Text


class Panel(NamedTuple):
    """One panel: a `stat` (one figure, red from `red` on) or a `timeseries`. queries: expression
    and legend."""

    kind: str
    title: Text
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    red: float | None = None


class Row(NamedTuple):
    """Panels under one heading."""

    title: Text
    panels: tuple[Panel, ...]


_OURS = 'atalaia_rejects_total{reason=~"fault in the (decoder|watch)"}'
_ARCHIVE = 'atalaia_consumer_lag{consumer="archive"}'

ALERTS = (
    Alert(
        "AtalaiaDown",
        'up{job="atalaia"} == 0 or absent(up{job="atalaia"})',
        "2m",
        "critical",
        (
            "Atalaia cannot be read: nobody is watching, or Prometheus does not reach it",
            "Atalaia não pode ser lida: ninguém vigia, ou o Prometheus não a alcança",
            "No se puede leer Atalaia: nadie vigila, o Prometheus no la alcanza",
        ),
    ),
    Alert(
        "AtalaiaBlind",
        'atalaia_incidents_open{hazard="cannot_see"} > 0',
        "5m",
        "critical",
        (
            "{{ $value }} outages of a source that cannot see its places; GET /readyz says which",
            "{{ $value }} falhas de fonte que não vê seus lugares; GET /readyz diz qual",
            "{{ $value }} fallas de fuente que no ve sus lugares; GET /readyz dice cuál",
        ),
    ),
    Alert(
        "AtalaiaSourceSilent",
        "time() - atalaia_source_last_success_timestamp_seconds > 3600",
        "5m",
        "warning",
        (
            "{{ $labels.source }} has given no useful answer for {{ $value | humanizeDuration }}",
            "{{ $labels.source }} não responde há {{ $value | humanizeDuration }}",
            "{{ $labels.source }} no responde desde hace {{ $value | humanizeDuration }}",
        ),
    ),
    Alert(
        "AtalaiaSourceNeverAnswered",
        'sum by (job, instance, source) (increase(atalaia_payloads_total{outcome!="answer"}[1h]))'
        " > 0 unless on (job, instance, source) atalaia_source_last_success_timestamp_seconds",
        "15m",
        "warning",
        (
            "{{ $labels.source }} has not answered since the watch began: its address or key?",
            "{{ $labels.source }} não respondeu desde o início: o endereço ou a chave?",
            "{{ $labels.source }} no ha respondido desde el inicio: ¿la dirección o la clave?",
        ),
    ),
    Alert(
        "AtalaiaLate",
        "atalaia_lag_seconds > 60",
        "5m",
        "critical",
        (
            "Alerts come late: a reading has waited for {{ $value | humanizeDuration }}",
            "Alertas atrasados: uma leitura espera há {{ $value | humanizeDuration }}",
            "Alertas con retraso: una lectura espera desde hace {{ $value | humanizeDuration }}",
        ),
    ),
    Alert(
        "AtalaiaMessagesWait",
        'atalaia_waiting_seconds{what="message"} > 300',
        "1m",
        "critical",
        (
            "A message to somebody has waited for {{ $value | humanizeDuration }}",
            "Uma mensagem a alguém espera há {{ $value | humanizeDuration }}",
            "Un mensaje a alguien espera desde hace {{ $value | humanizeDuration }}",
        ),
    ),
    Alert(
        "AtalaiaChannelFails",
        "sum by (job, instance, channel)"
        ' (increase(atalaia_delivery_tries_total{outcome!="sent"}[30m])) > 5'
        " unless sum by (job, instance, channel)"
        ' (increase(atalaia_delivery_tries_total{outcome="sent"}[30m])) > 0',
        "5m",
        "critical",
        (
            "No message goes by {{ $labels.channel }}: half an hour of tries, and none sent",
            "Nenhuma mensagem sai por {{ $labels.channel }}: meia hora de tentativas em vão",
            "Ningún mensaje sale por {{ $labels.channel }}: media hora de intentos en vano",
        ),
    ),
    Alert(
        "AtalaiaChannelCapped",
        "increase(atalaia_delivery_capped_total[1h]) > 0",
        "0m",
        "warning",
        (
            "{{ $labels.channel }} has used up what it may send or cost",
            "{{ $labels.channel }} esgotou o que pode enviar ou custar",
            "{{ $labels.channel }} agotó lo que puede enviar o costar",
        ),
    ),
    Alert(
        "AtalaiaClockBehind",
        "atalaia_clock_behind_seconds > 0",
        "5m",
        "warning",
        (
            "This machine's clock is {{ $value | humanizeDuration }} behind: keep it by NTP",
            "O relógio da máquina está {{ $value | humanizeDuration }} atrasado: use NTP",
            "El reloj de la máquina va {{ $value | humanizeDuration }} atrasado: use NTP",
        ),
    ),
    Alert(
        # It falls to nothing with every file of RAW: what grows is the least of half an hour.
        "AtalaiaArchiveFails",
        f"min_over_time({_ARCHIVE}[30m]) > max_over_time({_ARCHIVE}[30m] offset 35m)",
        "15m",
        "warning",
        (
            "{{ $value }} records wait for RAW, ever more: the log says why",
            "{{ $value }} registros esperam por RAW, cada vez mais: o log diz por quê",
            "{{ $value }} registros esperan por RAW, cada vez más: el log dice por qué",
        ),
    ),
    Alert(
        "AtalaiaGoldRefused",
        "atalaia_gold_refused_rows > 0",
        "0m",
        "warning",
        (
            "{{ $value }} rows cannot be written to GOLD: see raw/rejects",
            "{{ $value }} linhas não podem ser escritas em GOLD: veja raw/rejects",
            "{{ $value }} filas no se pueden escribir en GOLD: vea raw/rejects",
        ),
    ),
    Alert(
        # A series that is new has no increase.
        "AtalaiaFault",
        f"sum by (job, instance, source, reason) (increase({_OURS}[1h])) > 0"
        f" or sum by (job, instance, source, reason) ({_OURS} unless {_OURS} offset 1h) > 0",
        "0m",
        "warning",
        (
            "{{ $labels.reason }}, at {{ $labels.source }}: please report it",
            "{{ $labels.reason }}, em {{ $labels.source }}: por favor, relate",
            "{{ $labels.reason }}, en {{ $labels.source }}: por favor, repórtelo",
        ),
    ),
    Alert(
        "AtalaiaCallsUsedUp",
        'atalaia_budget_calls_left{window="day"} == 0',
        "5m",
        "warning",
        (
            "{{ $labels.source }} allows no more calls today: another program with the same key?",
            "{{ $labels.source }} não permite mais chamadas hoje: outro programa usa a chave?",
            "{{ $labels.source }} no permite más llamadas hoy: ¿otro programa usa la clave?",
        ),
    ),
    Alert(
        "AtalaiaBrokersSilent",
        "time() - max by (job, instance, subscription)"
        " (atalaia_subscription_last_message_timestamp_seconds) > 7200",
        "5m",
        "warning",
        (
            "No broker of {{ $labels.subscription }} sends anything; GET /readyz says why",
            "Nenhum broker de {{ $labels.subscription }} envia nada; GET /readyz diz por quê",
            "Ningún broker de {{ $labels.subscription }} envía nada; GET /readyz dice por qué",
        ),
    ),
    Alert(
        "AtalaiaMessagesLost",
        "delta(atalaia_subscription_gaps[1d]) > 0",
        "0m",
        "warning",
        (
            "Messages of {{ $labels.subscription }} are lost: sums over that time lack them",
            "Mensagens de {{ $labels.subscription }} se perderam: faltam nas somas",
            "Se perdieron mensajes de {{ $labels.subscription }}: faltan en las sumas",
        ),
    ),
)


def _quantiles(of: str, by: str = "") -> tuple[tuple[str, str], ...]:
    labels, legend = (f"le, {by}", f"{{{{{by}}}}} ") if by else ("le", "")
    return tuple(
        (
            f"histogram_quantile({q}, sum by ({labels}) (rate({of}_bucket[$__rate_interval])))",
            f"{legend}{q:.0%}",
        )
        for q in (0.5, 0.95)
    )


ROWS = (
    Row(
        ("Now", "Agora", "Ahora"),
        (
            Panel(
                "stat",
                ("Incidents open", "Incidentes abertos", "Incidentes abiertos"),
                (('sum(atalaia_incidents_open{hazard!="cannot_see"}) or vector(0)', ""),),
            ),
            Panel(
                "stat",
                ("A source cannot see", "Uma fonte não vê", "Una fuente no ve"),
                (('sum(atalaia_incidents_open{hazard="cannot_see"}) or vector(0)', ""),),
                red=1,
            ),
            Panel(
                "stat",
                (
                    "Sources silent for an hour",
                    "Fontes em silêncio há uma hora",
                    "Fuentes en silencio desde hace una hora",
                ),
                (
                    (
                        "count(time() - atalaia_source_last_success_timestamp_seconds > 3600)"
                        " or vector(0)",
                        "",
                    ),
                ),
                red=1,
            ),
            Panel(
                "stat",
                (
                    "Oldest reading not judged",
                    "Leitura mais antiga não julgada",
                    "Lectura más antigua sin juzgar",
                ),
                (("max(atalaia_lag_seconds)", ""),),
                "s",
                red=60,
            ),
            Panel(
                "stat",
                (
                    "Oldest message waiting",
                    "Mensagem mais antiga à espera",
                    "Mensaje más antiguo en espera",
                ),
                (('max(atalaia_waiting_seconds{what="message"})', ""),),
                "s",
                red=300,
            ),
            Panel(
                "stat",
                ("Clock behind by", "Relógio atrasado em", "Reloj atrasado en"),
                (("max(atalaia_clock_behind_seconds)", ""),),
                "s",
                red=1,
            ),
        ),
    ),
    Row(
        ("Weather", "Tempo", "Tiempo"),
        (
            Panel(
                "timeseries",
                (
                    "Incidents open, by hazard",
                    "Incidentes abertos, por perigo",
                    "Incidentes abiertos, por peligro",
                ),
                (("sum by (hazard) (atalaia_incidents_open)", "{{hazard}}"),),
            ),
            Panel(
                "timeseries",
                (
                    "Alerts within an hour, by level",
                    "Alertas em uma hora, por nível",
                    "Alertas en una hora, por nivel",
                ),
                (
                    (
                        'sum by (level) (increase(atalaia_alerts_total{type="alert"}[1h]))',
                        "{{level}}",
                    ),
                ),
            ),
        ),
    ),
    Row(
        ("Sources", "Fontes", "Fuentes"),
        (
            Panel(
                "timeseries",
                (
                    "Since the last useful answer",
                    "Desde a última resposta útil",
                    "Desde la última respuesta útil",
                ),
                (
                    (
                        "time() - max by (source) (atalaia_source_last_success_timestamp_seconds)",
                        "{{source}}",
                    ),
                ),
                "s",
            ),
            Panel(
                "timeseries",
                (
                    "Answers within an hour, by outcome",
                    "Respostas em uma hora, por resultado",
                    "Respuestas en una hora, por resultado",
                ),
                (
                    (
                        "sum by (source, outcome) (increase(atalaia_payloads_total[1h]))",
                        "{{source}} {{outcome}}",
                    ),
                ),
            ),
            Panel(
                "timeseries",
                (
                    "Readings judged within an hour",
                    "Leituras julgadas em uma hora",
                    "Lecturas juzgadas en una hora",
                ),
                (("sum by (source) (increase(atalaia_readings_total[1h]))", "{{source}}"),),
            ),
            Panel(
                "timeseries",
                (
                    "Not readable within an hour",
                    "Ilegível em uma hora",
                    "Ilegible en una hora",
                ),
                (
                    (
                        "sum by (source, reason) (increase(atalaia_rejects_total[1h]))",
                        "{{source}} {{reason}}",
                    ),
                ),
            ),
            Panel(
                "timeseries",
                ("Calls left", "Chamadas restantes", "Llamadas restantes"),
                (
                    (
                        "min by (source, window) (atalaia_budget_calls_left)",
                        "{{source}} {{window}}",
                    ),
                ),
            ),
        ),
    ),
    Row(
        ("Brokers", "Brokers", "Brokers"),
        (
            Panel(
                "timeseries",
                (
                    "Since the last message",
                    "Desde a última mensagem",
                    "Desde el último mensaje",
                ),
                (
                    (
                        "time() - max by (subscription, broker)"
                        " (atalaia_subscription_last_message_timestamp_seconds)",
                        "{{subscription}} {{broker}}",
                    ),
                ),
                "s",
            ),
            Panel(
                "timeseries",
                (
                    "Messages within an hour, by outcome",
                    "Mensagens em uma hora, por resultado",
                    "Mensajes en una hora, por resultado",
                ),
                (
                    (
                        "sum by (subscription, outcome) (delta(atalaia_subscription_messages[1h]))",
                        "{{subscription}} {{outcome}}",
                    ),
                ),
            ),
            Panel(
                "timeseries",
                (
                    "Times of which messages are lost",
                    "Períodos com mensagens perdidas",
                    "Períodos con mensajes perdidos",
                ),
                (
                    (
                        "max by (subscription) (atalaia_subscription_gaps)",
                        "{{subscription}}",
                    ),
                ),
            ),
        ),
    ),
    Row(
        ("The watch", "A vigia", "La vigía"),
        (
            Panel(
                "timeseries",
                (
                    "A step: from reading to commit",
                    "Um passo: da leitura à gravação",
                    "Un paso: de la lectura a la grabación",
                ),
                _quantiles("atalaia_step_seconds"),
                "s",
            ),
            Panel(
                "timeseries",
                (
                    "Records of the stream a second",
                    "Registros do fluxo por segundo",
                    "Registros del flujo por segundo",
                ),
                (("sum(deriv(atalaia_stream_offset[$__rate_interval]))", ""),),
            ),
            Panel(
                "timeseries",
                (
                    "Records not yet consumed",
                    "Registros ainda não consumidos",
                    "Registros aún no consumidos",
                ),
                (("max by (consumer) (atalaia_consumer_lag)", "{{consumer}}"),),
            ),
            Panel(
                "timeseries",
                (
                    "Rows that GOLD refuses",
                    "Linhas que GOLD recusa",
                    "Filas que GOLD rechaza",
                ),
                (("sum(atalaia_gold_refused_rows)", ""),),
            ),
        ),
    ),
    Row(
        ("People", "Pessoas", "Personas"),
        (
            Panel(
                "timeseries",
                (
                    "From the alert to a provider's yes",
                    "Do alerta ao sim do provedor",
                    "De la alerta al sí del proveedor",
                ),
                _quantiles("atalaia_delivery_seconds", "channel"),
                "s",
            ),
            Panel(
                "timeseries",
                (
                    "Tries within an hour, by outcome",
                    "Tentativas em uma hora, por resultado",
                    "Intentos en una hora, por resultado",
                ),
                (
                    (
                        "sum by (channel, outcome) (increase(atalaia_delivery_tries_total[1h]))",
                        "{{channel}} {{outcome}}",
                    ),
                ),
            ),
            Panel(
                "timeseries",
                (
                    "Messages in the outbox",
                    "Mensagens na caixa de saída",
                    "Mensajes en la bandeja de salida",
                ),
                (("sum by (channel, status) (atalaia_messages)", "{{channel}} {{status}}"),),
            ),
            Panel(
                "timeseries",
                (
                    "Handed on within an hour, as a channel's cap was reached",
                    "Passadas adiante em uma hora, no limite do canal",
                    "Pasados adelante en una hora, en el límite del canal",
                ),
                (
                    (
                        "sum by (channel) (increase(atalaia_delivery_capped_total[1h]))",
                        "{{channel}}",
                    ),
                ),
            ),
            Panel(
                "timeseries",
                (
                    "Files of who is told, within a day",
                    "Arquivos de quem é avisado, em um dia",
                    "Archivos de quién es avisado, en un día",
                ),
                (
                    (
                        "sum by (outcome) (increase(atalaia_recipients_snapshots_total[1d]))",
                        "{{outcome}}",
                    ),
                ),
            ),
        ),
    ),
)
